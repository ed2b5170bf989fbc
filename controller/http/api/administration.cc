// Keys, the audit log, and what release this is.
#include <limits>

#include "base/digest/digest.h"
#include "base/version.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::size_t kSecretBytes = 24;
constexpr std::int64_t kAuditMax = 1'000;

Result<Scope> scope_named(const std::string& name) {
  if (name == "viewer") {
    return Scope::kViewer;
  }
  if (name == "developer") {
    return Scope::kDeveloper;
  }
  if (name == "admin") {
    return Scope::kAdmin;
  }
  return Error{ErrorCode::kInvalidArgument, "'scope' must be viewer, developer or admin"};
}

Result<Response> create_key(Services& services, const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  LUTHIER_TRY(const std::string name, required_text(body, "name"));
  LUTHIER_TRY_VOID(check_name("key", name));
  LUTHIER_TRY(const std::string scope_name, required_text(body, "scope"));
  LUTHIER_TRY(const Scope scope, scope_named(scope_name));
  const std::string key = "lk_" + secure_random_hex(kSecretBytes);
  LUTHIER_TRY_VOID(services.context.store.add_key(key, store::Principal{name, scope}));
  services.context.log.info("key_created", {{"name", name}, {"scope", scope_name}, {"by", request.principal.name}});
  Response response = json_response({{"key", key}, {"name", name}, {"scope", scope_name}}, 201);
  response.subject = name + " (" + scope_name + ")";
  return response;
}

Result<Response> revoke_key(Services& services, const Request& request) {
  const std::string id = request.parameter("key");
  LUTHIER_TRY_VOID(services.context.administration.revoke_key(id));
  services.context.log.info("key_revoked", {{"id", id}, {"by", request.principal.name}});
  return json_response({{"id", id}, {"revoked", true}});
}

Result<Response> read_audit(Services& services, const Request& request) {
  LUTHIER_TRY(const std::int64_t limit, request.query_integer("limit", 50, 1, kAuditMax));
  LUTHIER_TRY(const std::int64_t before,
              request.query_integer("before", 0, 0, std::numeric_limits<std::int64_t>::max()));
  LUTHIER_TRY(const Json entries, services.context.administration.read_audit(static_cast<int>(limit), before));
  return json_response(entries);
}

}  // namespace

void add_administration_routes(Router& router, Services& services) {
  router.add(
      {.method = "GET",
       .pattern = "/api/v1/version",
       .scope = Scope::kViewer,
       .handle = at_once([&services](const Request&) -> Result<Response> {
         const std::int64_t now_ms = services.context.clock.now().wall_ms;
         return json_response({{"version", kVersion}, {"api", 1}, {"now", format_utc(now_ms)}, {"now_ms", now_ms}});
       })});
  router.add({.method = "GET",
              .pattern = "/api/v1/keys",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request&) -> Result<Response> {
                LUTHIER_TRY(const Json keys, services.context.administration.list_keys());
                return json_response(keys);
              })});
  router.add({.method = "POST",
              .pattern = "/api/v1/keys",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return create_key(services, request); })});
  router.add({.method = "DELETE",
              .pattern = "/api/v1/keys/{key}",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return revoke_key(services, request); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/audit",
              .scope = Scope::kAdmin,
              .handle = at_once([&services](const Request& request) { return read_audit(services, request); })});
}

}  // namespace luthier::http::api
