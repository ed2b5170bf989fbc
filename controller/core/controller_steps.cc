#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

StepEnd failed(std::string code, std::string message) {
  return {.succeeded = false, .outputs = {}, .code = std::move(code), .message = std::move(message)};
}

// A value that an expression gave.
StepEnd wrong_type(const Json::exception& error) {
  return failed("invalid_input", std::string("an input of the step has the wrong type: ") + error.what());
}

// Commits datasets under the run; their bytes are in the store already.
StepEnd run_upload(const Json& with) {
  Json outputs = Json::object();
  for (const char* key : {"training", "validation"}) {
    const Json value = with.value(key, Json());
    if (value.is_null() && std::string(key) == "validation") {
      outputs[key] = value;
      continue;
    }
    if (!is_artifact(value, "dataset")) {
      return failed("invalid_input",
                    "`with." + std::string(key) + "` is not a dataset: " + value.dump().substr(0, 100));
    }
    outputs[key] = value;
  }
  if (with.contains("name")) {
    outputs["name"] = with["name"];
  }
  return {.succeeded = true, .outputs = std::move(outputs), .code = {}, .message = {}};
}

struct Scored {
  std::int64_t step = 0;
  double value = 0;
  const Json* entry = nullptr;
};

// The entries of `from` that carry the metric, best first; of equals the later step.
std::vector<Scored> rank(const Json& from, const std::string& metric, bool least) {
  std::vector<Scored> scored;
  for (const Json& entry : from) {
    if (entry.is_object() && entry.contains("model") && entry.contains("metrics") && entry["metrics"].is_object() &&
        entry["metrics"].contains(metric) && entry["metrics"][metric].is_number()) {
      scored.push_back({entry.value("step", std::int64_t{0}), entry["metrics"][metric].get<double>(), &entry});
    }
  }
  std::sort(scored.begin(), scored.end(), [least](const Scored& a, const Scored& b) {
    if (a.value != b.value) {
      return least ? a.value < b.value : a.value > b.value;
    }
    return a.step > b.step;
  });
  return scored;
}

StepEnd run_checkpoint(const Json& with) {
  const Json from = with.value("from", Json());
  if (!from.is_array() || from.empty()) {
    return failed("invalid_input", "`with.from` holds no checkpoints; did the training commit any?");
  }
  const Json select = with.value("select", Json::object());
  const std::string metric = select.value("metric", std::string("full_valid_loss"));
  const bool least = select.value("mode", std::string("min")) != "max";
  const std::vector<Scored> ranked = rank(from, metric, least);
  if (ranked.empty()) {
    return failed("invalid_input", "no checkpoint has the metric '" + metric +
                                       "'; choose another in `select`, or give the training a validation dataset");
  }
  const std::size_t keep = std::min<std::size_t>(ranked.size(), with.value("keep", std::size_t{3}));
  Json kept = Json::array();
  for (std::size_t i = 0; i < std::max<std::size_t>(keep, 1); ++i) {
    kept.push_back(*ranked[i].entry);
  }
  const Scored& best = ranked.front();
  return {.succeeded = true,
          .outputs = {{"best", (*best.entry)["model"]},
                      {"step", best.step},
                      {"metrics", (*best.entry)["metrics"]},
                      {"metric", metric},
                      {"value", best.value},
                      {"kept", std::move(kept)}},
          .code = {},
          .message = {}};
}

// The outbox keeps the event; whoever is told of it reads it there.
StepEnd run_notify(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  constexpr std::size_t kMessageBytesMax = 64 << 10;
  const std::string message = with.value("message", std::string());
  const Json data = with.value("data", Json::object());
  if (message.size() + data.dump(-1, ' ', false, Json::error_handler_t::replace).size() > kMessageBytesMax) {
    return failed("invalid_input", "`with.message` and `with.data` are longer than 64 KiB together");
  }
  publish_step(turn, "notification.requested", run, step.id,
               Json{{"message", message}, {"level", with.value("level", std::string("info"))}, {"data", data}});
  return {.succeeded = true, .outputs = {{"message", message}}, .code = {}, .message = {}};
}

}  // namespace

std::optional<StepEnd> run_pure_step(const plan::Step& step, const Json& with) {
  try {
    if (step.uses == "upload") {
      return run_upload(with);
    }
    if (step.uses == "checkpoint") {
      return run_checkpoint(with);
    }
    return std::nullopt;
  } catch (const Json::exception& error) {
    return wrong_type(error);
  }
}

StepEnd run_controller_step(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  if (std::optional<StepEnd> end = run_pure_step(step, with)) {
    return std::move(*end);
  }
  try {
    if (step.uses == "notify") {
      return run_notify(turn, run, step, with);
    }
    if (step.uses == "register") {
      return run_register(turn, run, step, with);
    }
    if (step.uses == "promote") {
      return run_promote(turn, run, step, with);
    }
  } catch (const Json::exception& error) {
    return wrong_type(error);
  }
  return failed("unknown_step_type", "this controller cannot run steps of type '" + step.uses + "'");
}

}  // namespace luthier::core::internal
