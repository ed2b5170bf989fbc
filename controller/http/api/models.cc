#include <algorithm>
#include <cctype>

#include "base/digest/digest.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

// kInvalidArgument unless the artifact is here and of this kind.
Result<void> check_kind(artifacts::ArtifactStore& artifacts, const std::string& member, const std::string& digest,
                        const std::string& kind) {
  if (!is_sha256_digest(digest)) {
    return Error{ErrorCode::kInvalidArgument, "'" + member + "' must be the digest of an artifact (sha256:…)"};
  }
  const auto manifest = artifacts.get_manifest(digest);
  if (!manifest) {
    if (manifest.error().code == ErrorCode::kNotFound) {
      return Error{ErrorCode::kFailedPrecondition,
                   "'" + member + "' is not here: upload artifact " + digest + " first"};
    }
    return manifest.error();
  }
  if (manifest->kind != kind) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + member + "' must be an artifact of kind '" + kind + "'; this one is a '" + manifest->kind + "'"};
  }
  return {};
}

Result<core::RegisterModel> read_version(Services& services, const Request& request) {
  LUTHIER_TRY_VOID(check_name("model", request.parameter("name")));
  LUTHIER_TRY(const Json body, json_body(request));
  core::RegisterModel input{.model = request.parameter("name")};
  LUTHIER_TRY(input.weights.base, required_text(body, "artifact"));
  LUTHIER_TRY(input.weights.adapter, optional_text(body, "adapter"));
  LUTHIER_TRY(input.description, optional_text(body, "description"));
  LUTHIER_TRY(const std::string imported_from, optional_text(body, "imported_from"));
  LUTHIER_TRY_VOID(check_kind(services.context.artifacts, "artifact", input.weights.base, "model"));
  if (!input.weights.adapter.empty()) {
    LUTHIER_TRY_VOID(check_kind(services.context.artifacts, "adapter", input.weights.adapter, "adapter"));
  }
  input.lineage = {{"imported_from", imported_from}, {"by", request.principal.name}};
  return input;
}

void reply_with_version(Services& services, const std::string& model, const Json& number, const Reply& reply) {
  const Result<Json> found = services.context.store.get_model(model);
  if (!found) {
    return reply(error_response(found.error()));
  }
  for (Json version : found->at("versions")) {
    if (version.at("version") == number) {
      version["model"] = model;
      return reply(json_response(version, 201));
    }
  }
  reply(error_response(Error{ErrorCode::kInternal, "the new version of '" + model + "' cannot be read back"}));
}

void add_version(Services& services, const Request& request, const Reply& reply) {
  Result<core::RegisterModel> input = read_version(services, request);
  if (!input) {
    return reply(error_response(input.error()));
  }
  const std::string model = input->model;
  services.context.runtime.call(
      [input = std::move(*input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [&services, model, reply](Result<Json> registered) {
        if (!registered) {
          return reply(error_response(registered.error()));
        }
        services.after(milliseconds(0), [&services, model, reply, number = registered->value("version", Json())] {
          reply_with_version(services, model, number, reply);
        });
      });
}

Result<core::MoveAlias> read_alias(const Request& request) {
  const std::string alias = request.parameter("alias");
  LUTHIER_TRY_VOID(check_name("alias", alias));
  if (std::all_of(alias.begin(), alias.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return Error{ErrorCode::kInvalidArgument, "alias '" + alias + "' would read as a version; use a letter"};
  }
  LUTHIER_TRY(const Json body, json_body(request));
  constexpr std::int64_t kVersionMax = 1'000'000'000;
  LUTHIER_TRY(const std::int64_t version, optional_integer(body, "version", 0, 1, kVersionMax));
  if (version == 0) {
    return Error{ErrorCode::kInvalidArgument, "'version' must be given: the number of a version"};
  }
  core::MoveAlias input{.model = request.parameter("name"),
                        .alias = alias,
                        .to_version = static_cast<int>(version),
                        .by = request.principal.name};
  if (body.contains("expected_version") && !body["expected_version"].is_null()) {
    LUTHIER_TRY(const std::int64_t expected, optional_integer(body, "expected_version", 0, 0, kVersionMax));
    input.expected_version = static_cast<int>(expected);
  }
  return input;
}

void move_alias(Services& services, const Request& request, const Reply& reply) {
  Result<core::MoveAlias> input = read_alias(request);
  if (!input) {
    return reply(error_response(input.error()));
  }
  services.context.runtime.call(
      [input = std::move(*input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [reply](Result<Json> moved) { reply(moved ? json_response(*moved) : error_response(moved.error())); });
}

Result<Response> answer(Result<Json> json) {
  LUTHIER_TRY(const Json value, std::move(json));
  return json_response(value);
}

}  // namespace

void add_model_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/models",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request&) { return answer(services.context.store.list_models()); })});
  router.add({.method = "GET",
              .pattern = "/api/v1/models/{name}",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) {
                return answer(services.context.store.get_model(request.parameter("name")));
              })});
  router.add(
      {.method = "POST",
       .pattern = "/api/v1/models/{name}/versions",
       .scope = Scope::kDeveloper,
       .handle = [&services](const Request& request, const Reply& reply) { add_version(services, request, reply); }});
  router.add(
      {.method = "PUT",
       .pattern = "/api/v1/models/{name}/aliases/{alias}",
       .scope = Scope::kDeveloper,
       .handle = [&services](const Request& request, const Reply& reply) { move_alias(services, request, reply); }});
}

}  // namespace luthier::http::api
