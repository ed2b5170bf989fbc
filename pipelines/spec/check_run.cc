#include "pipelines/spec/check_run.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "pipelines/spec/check_value.h"
#include "pipelines/spec/syntax.h"

namespace luthier::spec {
namespace {

constexpr std::size_t kShownBytesMax = 100;

// Whether a path is relative and has no "..".
bool stays_inside(std::string_view path) {
  if (path.empty() || path.front() == '/') {
    return false;
  }
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    if (path.substr(at, slash - at) == "..") {
      return false;
    }
    at = slash + 1;
  }
  return true;
}

class RunChecker {
 public:
  RunChecker(const Spec& spec, const Step& step, std::vector<Diagnostic>& errors)
      : spec_(spec), step_(step), with_(step.with.json), errors_(errors) {}

  void check() {
    for (const std::string key : {"workdir", "values"}) {
      if (with_.contains(key)) {
        check_path(with_[key], "/" + key);
      }
    }
    const Json files = with_.value("files", Json());
    for (std::size_t i = 0; files.is_array() && i < files.size(); ++i) {
      check_path(files[i], pointer_to("/files", std::to_string(i)));
    }
    check_outputs(with_.value("outputs", Json()));
  }

 private:
  void error(const std::string& pointer, std::string message) {
    errors_.push_back({spec_.file, step_.with.at(pointer), std::move(message)});
  }

  void check_outputs(const Json& outputs) {
    bool has_value = false;
    const Json declared = outputs.is_object() ? outputs : Json::object();
    for (const auto& [name, output] : declared.items()) {
      const std::string pointer = pointer_to("/outputs", name);
      if (output.is_string()) {
        check_path(output, pointer);
      } else if (output.is_object()) {
        has_value = has_value || output.contains("type");
        check_declared(output, pointer);
      }
    }
    if (with_.contains("values") && !has_value) {
      error("/values",
            "no output of this step is read from the file of values; declare one: outputs: { score: { type: "
            "float } }");
    }
  }

  void check_declared(const Json& output, const std::string& pointer) {
    if (output.contains("path")) {
      check_path(output["path"], pointer + "/path");
    }
    if (!output.contains("type")) {
      return;
    }
    if (!with_.contains("values")) {
      error(pointer, "an output with a type is read from the JSON file that 'values' names; add values: values.json");
    }
    if (output.contains("kind")) {
      error(pointer + "/kind", "'kind' is for an output with a path");
    }
  }

  void check_path(const Json& value, const std::string& pointer) {
    if (!value.is_string() || has_expression(value.get_ref<const std::string&>())) {
      return;
    }
    if (!stays_inside(value.get_ref<const std::string&>())) {
      error(pointer,
            "'" + value.get<std::string>().substr(0, kShownBytesMax) + "' must be a relative path without '..'");
    }
  }

  const Spec& spec_;
  const Step& step_;
  const Json& with_;
  std::vector<Diagnostic>& errors_;
};

}  // namespace

void check_run_steps(const Spec& spec, std::vector<Diagnostic>& errors) {
  for (const Step& step : spec.steps) {
    if (step.uses == "run" && step.with.json.is_object()) {
      RunChecker(spec, step, errors).check();
    }
  }
}

}  // namespace luthier::spec
