#include <algorithm>
#include <cctype>

#include "controller/core/state.h"
#include "controller/http/api/api.h"

namespace luthier::http::api {

std::function<void(const Request&, Reply)> at_once(Answer answer) {
  return [answer = std::move(answer)](const Request& request, const Reply& reply) {
    Result<Response> response = answer(request);
    reply(response ? std::move(*response) : error_response(response.error()));
  };
}

namespace {

// A deployment's one step, as far as a log needs it.
Result<Json> find_serve_step(store::Store& store, const std::string& deployment, const std::string& step) {
  LUTHIER_TRY(const Json found, store.get_deployment(deployment));
  if (step != core::serve_step().value) {
    return Error{ErrorCode::kNotFound, "deployment '" + deployment + "' has no step '" + step + "'; its steps: serve"};
  }
  return Json{{"id", step},
              {"status", core::to_string(found["stopped_at"].is_null() ? core::StepStatus::kRunning
                                                                       : core::StepStatus::kCancelled)},
              {"attempts", found["attempts"]}};
}

}  // namespace

Result<Json> find_step(store::Store& store, const std::string& run, const std::string& step) {
  if (core::is_deployment(RunId{run})) {
    return find_serve_step(store, run, step);
  }
  LUTHIER_TRY(Json found, store.get_run(run));
  std::string names;
  for (Json& candidate : found["steps"]) {
    const std::string id = candidate.value("id", "");
    if (id == step) {
      return std::move(candidate);
    }
    names += (names.empty() ? "" : ", ") + id;
  }
  return Error{ErrorCode::kNotFound, "run '" + run + "' has no step '" + step + "'; its steps: " + names};
}

Result<void> check_name(const std::string& what, const std::string& name) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-'; };
  const bool good = !name.empty() && name.size() <= 100 && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
                    std::all_of(name.begin(), name.end(), plain);
  if (!good) {
    return Error{ErrorCode::kInvalidArgument,
                 what + " '" + name.substr(0, 100) +
                     "' must be a letter or digit and then letters, digits, '.', '_' or '-', at most 100 in all"};
  }
  return {};
}

}  // namespace luthier::http::api
