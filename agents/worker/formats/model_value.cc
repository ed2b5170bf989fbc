#include "agents/worker/formats/model_value.h"

#include "pipelines/worker_protocol/job.h"

namespace luthier::worker {

Result<ModelValue> parse_model_value(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object() || !json.contains("base")) {
    return Error{ErrorCode::kInvalidArgument,
                 where + " must be a model: {\"base\": artifact, \"adapter\": artifact or null}"};
  }
  ModelValue model;
  LUTHIER_TRY(model.base, worker_protocol::artifact_path(json["base"], where + ".base"));
  if (json["base"].contains("$artifact")) {
    model.base_artifact = {{"$artifact", json["base"]["$artifact"]}, {"kind", "model"}};
  }
  if (json.contains("adapter") && !json["adapter"].is_null()) {
    LUTHIER_TRY(model.adapter, worker_protocol::artifact_path(json["adapter"], where + ".adapter"));
  }
  if (json.contains("name") && json["name"].is_string()) {
    model.name = json["name"].get<std::string>();
  }
  return model;
}

}  // namespace luthier::worker
