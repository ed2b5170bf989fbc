#include "controller/core/internal.h"

namespace luthier::core::internal {

Json artifact_value(const std::string& digest, const std::string& kind) {
  return Json{{"$artifact", digest}, {"kind", kind}};
}

Json model_value(const ModelWeights& weights, const std::string& name, int version) {
  Json value{{"base", weights.base.empty() ? Json() : artifact_value(weights.base, "model")},
             {"adapter", weights.adapter.empty() ? Json() : artifact_value(weights.adapter, "adapter")},
             {"name", name.empty() ? Json() : Json(name)}};
  if (version > 0) {
    value["version"] = version;
  }
  return value;
}

bool is_artifact(const Json& value, const std::string& kind) {
  return value.is_object() && value.contains("$artifact") && value["$artifact"].is_string() && value.contains("kind") &&
         value["kind"] == kind;
}

Result<ModelWeights> weights_of(const Json& value) {
  if (is_artifact(value, "model")) {
    return ModelWeights{.base = value["$artifact"], .adapter = {}};
  }
  if (!value.is_object() || !value.contains("base") || !is_artifact(value["base"], "model")) {
    return Error{ErrorCode::kInvalidArgument, "expected a model, got " + value.dump().substr(0, 100)};
  }
  ModelWeights weights{.base = value["base"]["$artifact"], .adapter = {}};
  const Json adapter = value.value("adapter", Json());
  if (is_artifact(adapter, "adapter")) {
    weights.adapter = adapter["$artifact"];
  } else if (!adapter.is_null()) {
    return Error{ErrorCode::kInvalidArgument, "`adapter` of a model is not an artifact of kind adapter"};
  }
  return weights;
}

Json checkpoint_model(const Checkpoint& checkpoint, const Json& with) {
  if (checkpoint.model_kind != "adapter") {
    return model_value({.base = checkpoint.model, .adapter = {}}, "", 0);
  }
  ModelWeights weights{.base = {}, .adapter = checkpoint.model};
  if (with.is_object() && with.contains("model")) {
    if (const Result<ModelWeights> base = weights_of(with["model"])) {
      weights.base = base->base;
    }
  }
  return model_value(weights, "", 0);
}

Json training_outputs(Json outputs, const LiveStep& step) {
  Json list = Json::array();
  for (const Checkpoint& checkpoint : step.checkpoints) {
    list.push_back(Json{{"step", checkpoint.step},
                        {"metrics", checkpoint.metrics},
                        {"model", checkpoint_model(checkpoint, step.with)}});
  }
  if (!outputs.contains("model") && !step.checkpoints.empty()) {
    outputs["model"] = checkpoint_model(step.checkpoints.back(), step.with);
  }
  outputs["checkpoints"] = std::move(list);
  return outputs;
}

}  // namespace luthier::core::internal
