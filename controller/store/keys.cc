#include "controller/store/keys.h"

#include <array>

#include "base/digest/digest.h"

namespace luthier::store {
namespace {

struct ScopeName {
  Scope scope;
  std::string_view name;
};
constexpr std::array kScopeNames{ScopeName{Scope::kViewer, "viewer"}, ScopeName{Scope::kDeveloper, "developer"},
                                 ScopeName{Scope::kAdmin, "admin"}, ScopeName{Scope::kAgent, "agent"}};

std::string_view name_of(Scope scope) {
  for (const ScopeName& known : kScopeNames) {
    if (known.scope == scope) {
      return known.name;
    }
  }
  LUTHIER_CHECK(false);
}

Result<Scope> scope_of(std::string_view name) {
  for (const ScopeName& known : kScopeNames) {
    if (known.name == name) {
      return known.scope;
    }
  }
  return Error{ErrorCode::kDataLoss, "a key has the unknown scope '" + std::string(name) + "'"};
}

// "jt_" and twelve digits of the hash: enough to tell tokens apart, nothing to join with.
std::string id_of_hash(std::string_view hash) {
  const auto colon = hash.find(':');
  return "jt_" + std::string(hash.substr(colon == std::string_view::npos ? 0 : colon + 1, 12));
}

Result<void> check_secret(const std::string& secret) {
  if (secret.empty()) {
    return Error{ErrorCode::kInvalidArgument, "a secret may not be empty"};
  }
  return {};
}

}  // namespace

Result<void> insert_key(Database& database, const std::string& secret, const Principal& principal) {
  LUTHIER_TRY_VOID(check_secret(secret));
  LUTHIER_TRY_VOID(database.run("INSERT INTO keys (hash, name, scope) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                                sha256_digest(secret), principal.name, name_of(principal.scope)));
  if (database.changed_rows() == 0) {
    return Error{ErrorCode::kAlreadyExists, "this key is in use already; make another one"};
  }
  return {};
}

Result<Principal> find_key(Database& database, const std::string& secret) {
  const std::string hash = sha256_digest(secret);
  bool known = false;
  Principal principal;
  LUTHIER_TRY_VOID(database.query(
      "SELECT hash, name, scope FROM keys WHERE hash = ?",
      [&](const Row& row) -> Result<void> {
        known = equal_in_constant_time(row.view(0), hash);
        principal.name = row.text(1);
        LUTHIER_TRY(principal.scope, scope_of(row.view(2)));
        return {};
      },
      hash));
  if (!known) {
    return Error{ErrorCode::kUnauthenticated, "the key is not known here"};
  }
  return principal;
}

Result<bool> find_admin_key(Database& database) {
  LUTHIER_TRY(const auto found, database.query_integer("SELECT 1 FROM keys WHERE scope = 'admin' LIMIT 1"));
  return found.has_value();
}

Result<void> insert_join_token(Database& database, const std::string& secret, int uses, std::int64_t expires_wall_ms) {
  LUTHIER_TRY_VOID(check_secret(secret));
  if (uses < 1) {
    return Error{ErrorCode::kInvalidArgument, "a join token must have at least one use"};
  }
  LUTHIER_TRY_VOID(
      database.run("INSERT INTO join_tokens (hash, uses_left, expires_ms) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                   sha256_digest(secret), uses, expires_wall_ms));
  if (database.changed_rows() == 0) {
    return Error{ErrorCode::kAlreadyExists, "this join token is in use already; make another one"};
  }
  return {};
}

std::string join_token_id(const std::string& secret) { return id_of_hash(sha256_digest(secret)); }

Result<Json> read_join_tokens(Database& database, std::int64_t wall_ms) {
  Json tokens = Json::array();
  LUTHIER_TRY_VOID(database.query(
      "SELECT hash, uses_left, expires_ms FROM join_tokens WHERE uses_left > 0 AND expires_ms > ? ORDER BY expires_ms",
      [&tokens](const Row& row) {
        tokens.push_back({{"id", id_of_hash(row.view(0))},
                          {"uses_left", row.integer(1)},
                          {"expires_at", format_utc(row.integer(2))}});
      },
      wall_ms));
  return Json{{"join_tokens", std::move(tokens)}};
}

Result<void> delete_join_token(Database& database, const std::string& id) {
  LUTHIER_TRY_VOID(
      database.run("DELETE FROM join_tokens WHERE 'jt_' || substr(hash, instr(hash, ':') + 1, 12) = ?", id));
  if (database.changed_rows() == 0) {
    return Error{ErrorCode::kNotFound, "there is no join token '" + id + "'; `luthier agents join-tokens` lists them"};
  }
  return {};
}

Result<std::string> consume_join_token(Database& database, const std::string& token, const std::string& credential,
                                       const std::string& name, std::int64_t wall_ms) {
  LUTHIER_TRY(Transaction transaction, Transaction::begin(database, Transaction::Kind::kWrite));
  LUTHIER_TRY_VOID(
      database.run("UPDATE join_tokens SET uses_left = uses_left - 1 "
                   "WHERE hash = ? AND uses_left > 0 AND expires_ms > ?",
                   sha256_digest(token), wall_ms));
  if (database.changed_rows() == 0) {
    return Error{ErrorCode::kUnauthenticated,
                 "the join token is not known, has expired or is used up; ask an admin for a new one"};
  }
  LUTHIER_TRY_VOID(database.run("INSERT INTO joined_agents (name, joined_ms) VALUES (?, ?)", name, wall_ms));
  std::string agent = "a-" + std::to_string(database.last_row_id());
  LUTHIER_TRY_VOID(insert_key(database, credential, Principal{agent, Scope::kAgent}));
  LUTHIER_TRY_VOID(transaction.commit());
  return agent;
}

}  // namespace luthier::store
