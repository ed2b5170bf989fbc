#include "agents/worker/formats/model_extras.h"

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

Result<void> read_text(const Json& json, const char* name, std::string& value) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) {
    return {};
  }
  if (!found->is_string()) {
    return Error{ErrorCode::kInvalidArgument, std::string("'") + name + "' must be a string"};
  }
  value = found->get<std::string>();
  return {};
}

Result<void> read_list(const Json& json, const char* name, std::vector<std::string>& values) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) {
    return {};
  }
  for (const Json& item : *found) {
    if (!found->is_array() || !item.is_string()) {
      return Error{ErrorCode::kInvalidArgument, std::string("'") + name + "' must be a list of strings"};
    }
    values.push_back(item.get<std::string>());
  }
  return {};
}

Result<ModelExtras> parse(const std::string& text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "not a JSON object"};
  }
  ModelExtras extras;
  LUTHIER_TRY_VOID(read_text(json, "prompt_suffix", extras.prompt_suffix));
  LUTHIER_TRY_VOID(read_text(json, "completion_prefix", extras.completion_prefix));
  LUTHIER_TRY_VOID(read_list(json, "stop", extras.stop));
  LUTHIER_TRY_VOID(read_text(json, "task", extras.task));
  LUTHIER_TRY_VOID(read_list(json, "labels", extras.labels));
  return extras;
}

}  // namespace

Result<ModelExtras> read_model_extras(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    return ModelExtras{};
  }
  LUTHIER_TRY(const std::string text, read_file(file, std::uint64_t{1} << 20));
  auto extras = parse(text);
  if (!extras) {
    return std::move(extras).error().with(file.string());
  }
  return extras;
}

Result<void> write_model_extras(const std::filesystem::path& file, const ModelExtras& extras) {
  if (extras.empty()) {
    return {};
  }
  const Json json = {{"prompt_suffix", extras.prompt_suffix},
                     {"completion_prefix", extras.completion_prefix},
                     {"stop", extras.stop},
                     {"task", extras.task},
                     {"labels", extras.labels}};
  return write_file_atomically(file, json.dump(2) + "\n");
}

}  // namespace luthier::worker
