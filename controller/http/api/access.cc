// Agents, and who may join.
#include "base/digest/digest.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::size_t kSecretBytes = 24;
constexpr std::int64_t kUsesMax = 100'000;
constexpr std::int64_t kExpiresSecondsMax = 10 * 365 * 86'400LL;

Result<Response> create_join_token(Services& services, const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  LUTHIER_TRY(const std::int64_t uses, optional_integer(body, "uses", 1, 1, kUsesMax));
  LUTHIER_TRY(const std::int64_t expires_seconds,
              optional_integer(body, "expires_seconds", 3'600, 1, kExpiresSecondsMax));
  const std::string token = "lj_" + secure_random_hex(kSecretBytes);
  const std::int64_t expires_ms = services.context.clock.now().wall_ms + expires_seconds * 1'000;
  LUTHIER_TRY_VOID(services.context.store.add_join_token(token, static_cast<int>(uses), expires_ms));
  const std::string id = store::join_token_id(token);
  services.context.log.info("join_token_created", {{"token", id}, {"by", request.principal.name}});
  return json_response({{"id", id}, {"token", token}, {"uses", uses}, {"expires_at", format_utc(expires_ms)}}, 201);
}

Result<Response> list_join_tokens(Services& services) {
  LUTHIER_TRY(const Json tokens, services.context.store.list_join_tokens(services.context.clock.now().wall_ms));
  return json_response(tokens);
}

Result<Response> revoke_join_token(Services& services, const Request& request) {
  const std::string id = request.parameter("token");
  LUTHIER_TRY_VOID(services.context.store.revoke_join_token(id));
  services.context.log.info("join_token_revoked", {{"token", id}, {"by", request.principal.name}});
  return json_response({{"id", id}, {"revoked", true}});
}

}  // namespace

void add_access_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/join-tokens",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request&) { return list_join_tokens(services); })});
  router.add({.method = "DELETE",
              .pattern = "/api/v1/join-tokens/{token}",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return revoke_join_token(services, request); })});
  router.add({.method = "POST",
              .pattern = "/api/v1/join-tokens",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return create_join_token(services, request); })});
}

}  // namespace luthier::http::api
