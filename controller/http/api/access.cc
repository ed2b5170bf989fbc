// Agents, and who may join.
#include "base/digest/digest.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::size_t kSecretBytes = 24;
constexpr std::int64_t kUsesMax = 100'000;
constexpr std::int64_t kExpiresSecondsMax = 10 * 365 * 86'400LL;

Result<Response> list_agents(Services& services) {
  LUTHIER_TRY(const Json agents, services.context.store.list_agents());
  return json_response(agents);
}

Result<Response> create_join_token(Services& services, const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  LUTHIER_TRY(const std::int64_t uses, optional_integer(body, "uses", 1, 1, kUsesMax));
  LUTHIER_TRY(const std::int64_t expires_seconds,
              optional_integer(body, "expires_seconds", 3'600, 1, kExpiresSecondsMax));
  const std::string token = "lj_" + secure_random_hex(kSecretBytes);
  const std::int64_t expires_ms = services.context.clock.now().wall_ms + expires_seconds * 1'000;
  LUTHIER_TRY_VOID(services.context.store.add_join_token(token, static_cast<int>(uses), expires_ms));
  return json_response({{"token", token}, {"uses", uses}, {"expires_at", format_utc(expires_ms)}}, 201);
}

}  // namespace

void add_access_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/agents",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request&) { return list_agents(services); })});
  router.add({.method = "POST",
              .pattern = "/api/v1/join-tokens",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return create_join_token(services, request); })});
}

}  // namespace luthier::http::api
