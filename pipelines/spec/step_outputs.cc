#include "pipelines/spec/step_outputs.h"

namespace luthier::spec {
namespace {

Type type_named(const std::string& name) {
  return name == "string"  ? types::text()
         : name == "int"   ? types::integer()
         : name == "float" ? types::number()
         : name == "bool"  ? types::truth()
         : name == "list"  ? types::one_of(Type::kList)
         : name == "map"   ? types::one_of(Type::kMap)
                           : types::any();
}

// Of one entry of `outputs`: a path, {path, kind} or {type}.
Type declared_type(const Json& output) {
  const auto text = [&output](const char* key, const std::string& absent) {
    const Json value = output.value(key, Json());
    return value.is_string() ? value.get<std::string>() : absent;
  };
  if (output.is_object() && output.contains("type")) {
    return type_named(text("type", ""));
  }
  return types::artifact(output.is_object() ? text("kind", "source") : "source");
}

}  // namespace

std::optional<std::vector<Output>> outputs_of(const Step& step) {
  const StepType* type = find_step_type(step.uses);
  if (type == nullptr) {
    return std::nullopt;
  }
  if (!type->open_outputs) {
    return type->outputs;
  }
  const Json declared = step.with.json.value("outputs", Json());
  if (!declared.is_object()) {
    return std::nullopt;
  }
  std::vector<Output> outputs;
  for (const auto& [name, output] : declared.items()) {
    outputs.push_back({name, declared_type(output), ""});
  }
  return outputs;
}

}  // namespace luthier::spec
