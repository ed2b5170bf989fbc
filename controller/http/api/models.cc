#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>

#include "base/digest/digest.h"
#include "controller/http/api/api.h"
#include "controller/http/api/verify.h"

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

constexpr std::int64_t kVersionMax = 1'000'000'000;

Result<int> version_of_path(const Request& request) {
  const std::string& text = request.parameter("version");
  int version = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || version < 1) {
    return Error{ErrorCode::kInvalidArgument, "'" + text.substr(0, 100) + "' is not the number of a version"};
  }
  return version;
}

// Absent when the member is not given or null.
Result<std::optional<int>> version_member(const Json& body, const std::string& name, std::int64_t least) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    return std::optional<int>();
  }
  LUTHIER_TRY(const std::int64_t version, optional_integer(body, name, 0, least, kVersionMax));
  return std::optional<int>(static_cast<int>(version));
}

Result<bool> flag_member(const Json& body, const std::string& name) {
  const auto found = body.find(name);
  if (found == body.end() || found->is_null()) {
    return false;
  }
  if (!found->is_boolean()) {
    return Error{ErrorCode::kInvalidArgument, "'" + name + "' must be true or false"};
  }
  return found->get<bool>();
}

Result<core::MoveAlias> read_alias(const Request& request) {
  const std::string alias = request.parameter("alias");
  LUTHIER_TRY_VOID(check_name("alias", alias));
  if (std::all_of(alias.begin(), alias.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return Error{ErrorCode::kInvalidArgument, "alias '" + alias + "' would read as a version; use a letter"};
  }
  LUTHIER_TRY(const Json body, json_body(request));
  LUTHIER_TRY(const std::int64_t version, optional_integer(body, "version", 0, 1, kVersionMax));
  if (version == 0) {
    return Error{ErrorCode::kInvalidArgument, "'version' must be given: the number of a version"};
  }
  core::MoveAlias input{.model = request.parameter("name"),
                        .alias = alias,
                        .to_version = static_cast<int>(version),
                        .by = request.principal.name};
  LUTHIER_TRY(input.expected_version, version_member(body, "expected_version", 0));
  LUTHIER_TRY(input.force, flag_member(body, "force"));
  return input;
}

Result<core::RollBackAlias> read_rollback(const Request& request) {
  LUTHIER_TRY(const Json body, json_body(request));
  core::RollBackAlias input{
      .model = request.parameter("name"), .alias = request.parameter("alias"), .by = request.principal.name};
  LUTHIER_TRY(input.to_version, version_member(body, "to", 1));
  LUTHIER_TRY(input.expected_version, version_member(body, "expected_version", 0));
  return input;
}

Result<core::DeleteModel> read_deletion(const Request& request) {
  LUTHIER_TRY(const int version, version_of_path(request));
  return core::DeleteModel{.model = request.parameter("name"),
                           .version = version,
                           .by = request.principal.name,
                           .admin = request.principal.scope == Scope::kAdmin};
}

// Gives the input to the machine and answers with its reply.
template <class Input>
void decide(Services& services, Result<Input> input, const Reply& reply) {
  if (!input) {
    return reply(error_response(input.error()));
  }
  services.context.runtime.call(
      [input = std::move(*input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [reply](Result<Json> answer) { reply(answer ? json_response(*answer) : error_response(answer.error())); });
}

Result<Response> verify(Services& services, const Request& request) {
  LUTHIER_TRY(const int version, version_of_path(request));
  LUTHIER_TRY(const Json model, services.context.store.get_model(request.parameter("name")));
  for (const Json& found : model.at("versions")) {
    if (found.at("version") == version) {
      LUTHIER_TRY(std::vector<Link> chain, chain_of(services.context.store, model, found));
      Response response;
      response.content_type = "application/x-ndjson";
      response.stream = std::make_shared<VerifySource>(services.context.artifacts, std::move(chain));
      return response;
    }
  }
  return Error{ErrorCode::kNotFound,
               "model '" + request.parameter("name") + "' has no version " + std::to_string(version)};
}

Result<Response> answer(Result<Json> json) {
  LUTHIER_TRY(const Json value, std::move(json));
  return json_response(value);
}

}  // namespace

void add_model_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/deployments",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) -> Result<Response> {
                LUTHIER_TRY(const std::int64_t limit, request.query_integer("limit", 20, 1, 1'000));
                return answer(services.context.store.list_deployments(static_cast<int>(limit)));
              })});
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
  router.add({.method = "PUT",
              .pattern = "/api/v1/models/{name}/aliases/{alias}",
              .scope = Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) {
                decide(services, read_alias(request), reply);
              }});
  router.add({.method = "POST",
              .pattern = "/api/v1/models/{name}/aliases/{alias}/rollback",
              .scope = Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) {
                decide(services, read_rollback(request), reply);
              }});
  router.add({.method = "DELETE",
              .pattern = "/api/v1/models/{name}/versions/{version}",
              .scope = Scope::kDeveloper,
              .handle = [&services](const Request& request, const Reply& reply) {
                decide(services, read_deletion(request), reply);
              }});
  router.add({.method = "GET",
              .pattern = "/api/v1/models/{name}/versions/{version}/verify",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request& request) { return verify(services, request); })});
}

}  // namespace luthier::http::api
