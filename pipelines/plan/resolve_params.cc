#include "pipelines/plan/resolve_params.h"

#include <algorithm>

#include "pipelines/spec/param_value.h"

namespace luthier::plan {

Json resolve_params(const spec::Spec& spec, const ParamValues& given, bool allow_missing,
                    std::vector<spec::Diagnostic>& errors) {
  Json values = Json::object();
  std::vector<std::string> names;
  for (const spec::Param& param : spec.params) {
    names.push_back(param.name);
    const auto found = given.find(param.name);
    if (found != given.end()) {
      auto checked = spec::check_param_value(param, found->second, true);
      if (checked) {
        values[param.name] = std::move(*checked);
      } else {
        errors.push_back({spec.file, param.at, checked.error().message});
      }
    } else if (param.fallback) {
      values[param.name] = *param.fallback;
    } else if (!param.required) {
      values[param.name] = nullptr;
    } else if (!allow_missing) {
      errors.push_back(
          {spec.file, param.at, "param '" + param.name + "' has no default: give it with -p " + param.name + "=VALUE"});
    }
  }
  for (const auto& [name, value] : given) {
    if (!values.contains(name) && std::find(names.begin(), names.end(), name) == names.end()) {
      errors.push_back({spec.file, {}, "there is no param '" + name + "'" + spec::suggestion(name, names)});
    }
  }
  return values;
}

}  // namespace luthier::plan
