// Keys, join tokens and agents' credentials. Only SHA-256 hashes of the secrets are stored: they are random and long,
// so a slow hash would buy nothing.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

// kAlreadyExists when the secret is in use.
[[nodiscard]] Result<void> insert_key(Database& database, const std::string& secret, const Principal& principal);
[[nodiscard]] Result<Principal> find_key(Database& database, const std::string& secret);
[[nodiscard]] Result<bool> find_admin_key(Database& database);
[[nodiscard]] Result<Json> read_join_tokens(Database& database, std::int64_t wall_ms);
[[nodiscard]] Result<void> delete_join_token(Database& database, const std::string& id);
[[nodiscard]] Result<void> insert_join_token(Database& database, const std::string& secret, int uses,
                                             std::int64_t expires_wall_ms);
// In one transaction: either a use is gone and the agent's credential works, or neither.
[[nodiscard]] Result<std::string> consume_join_token(Database& database, const std::string& token,
                                                     const std::string& credential, const std::string& name,
                                                     std::int64_t wall_ms);

}  // namespace luthier::store
