#include "pipelines/spec/type_scope.h"

#include <algorithm>
#include <set>

#include "pipelines/spec/declaration.h"
#include "pipelines/spec/step_outputs.h"

namespace luthier::spec {
namespace {

Type params_type(const Spec& spec) {
  std::vector<TypedMember> members;
  for (const Param& param : spec.params) {
    members.push_back({param.name, type_of_param(param)});
  }
  return types::record(std::move(members));
}

// A value of a matrix: itself, or an expression of params.
Type type_of_axis_value(const Json& value, const TypeScope& params) {
  if (!value.is_string() || !has_expression(value.get_ref<const std::string&>())) {
    return type_of_value(value);
  }
  const Pieces pieces = split_expressions(value.get_ref<const std::string&>());
  if (!is_whole_expression(pieces)) {
    return types::text();
  }
  for (const Piece& piece : pieces.pieces) {
    const ParsedExpression parsed = piece.is_expression ? parse_expression(piece.text) : ParsedExpression();
    if (parsed.root) {
      return infer_type(*parsed.root, params).type;
    }
  }
  return types::any();
}

// What the entries of `include` give `key`; nothing when none does.
std::optional<Type> type_of_included(const Step& step, const std::string& key, const TypeScope& params) {
  std::optional<Type> type;
  for (std::size_t i = 0; step.include.json.is_array() && i < step.include.json.size(); ++i) {
    const Json& entry = step.include.json[i];
    if (entry.is_object() && entry.contains(key)) {
      const Type one = type_of_axis_value(entry[key], params);
      type = type ? united(*type, one) : one;
    }
  }
  return type;
}

Type matrix_type(const Step& step, const TypeScope& params) {
  std::vector<TypedMember> members;
  for (const MatrixAxis& axis : step.matrix) {
    std::optional<Type> type = type_of_included(step, axis.name, params);
    for (const Json& value : axis.values.json) {
      const Type one = type_of_axis_value(value, params);
      type = type ? united(*type, one) : one;
    }
    members.push_back({axis.name, type.value_or(types::any())});
  }
  for (const std::string& key : further_keys(step)) {
    members.push_back({key, types::or_nothing(type_of_included(step, key, params).value_or(types::any()))});
  }
  return types::record(std::move(members));
}

Type outputs_type(const Step& step) {
  const std::optional<std::vector<Output>> outputs = outputs_of(step);
  if (!outputs) {
    return types::one_of(Type::kMap | Type::kNothing);
  }
  std::vector<TypedMember> members;
  for (const Output& output : *outputs) {
    members.push_back({output.name, output.type});
  }
  return types::or_nothing(types::record(std::move(members)));
}

// `id` is a step's name, or that of a member of its matrix.
Type type_of_step(const Spec& spec, const std::string& id) {
  const std::string name = id.substr(0, id.find('['));
  const auto found =
      std::find_if(spec.steps.begin(), spec.steps.end(), [&name](const Step& step) { return step.name == name; });
  if (found == spec.steps.end()) {
    return types::any();
  }
  const bool all_members = !found->matrix.empty() && id == name;
  const Type outputs = outputs_type(*found);
  return types::record({{"status", types::text({"succeeded", "failed", "cancelled", "skipped"})},
                        {"outputs", all_members ? types::map_of(outputs) : outputs}});
}

}  // namespace

std::vector<std::string> further_keys(const Step& step) {
  std::set<std::string> keys;
  for (std::size_t i = 0; step.include.json.is_array() && i < step.include.json.size(); ++i) {
    const Json& entry = step.include.json[i];
    for (auto item = entry.begin(); entry.is_object() && item != entry.end(); ++item) {
      keys.insert(item.key());
    }
  }
  for (const MatrixAxis& axis : step.matrix) {
    keys.erase(axis.name);
  }
  return {keys.begin(), keys.end()};
}

Type type_of_value(const Json& value) {
  return value.is_string()           ? types::text({value.get<std::string>()})
         : value.is_boolean()        ? types::truth()
         : value.is_number_integer() ? types::integer()
         : value.is_number()         ? types::number()
         : value.is_null()           ? types::nothing()
         : value.is_array()          ? types::one_of(Type::kList)
                                     : types::any();
}

Type type_of_param(const Param& param) {
  Type type = param.type == ParamType::kInt     ? types::integer()
              : param.type == ParamType::kFloat ? types::number()
              : param.type == ParamType::kBool  ? types::truth()
                                                : types::text();
  if (!param.choices.empty() && (param.type == ParamType::kChoice || param.type == ParamType::kString)) {
    type = type_of_value(param.choices.front());
    for (const Json& choice : param.choices) {
      type = united(type, type_of_value(choice));
    }
  }
  return param.required || param.fallback ? type : types::or_nothing(type);
}

TypeScope type_scope(const Spec& spec) {
  TypeScope scope;
  scope.names.push_back({"params", params_type(spec)});
  scope.names.push_back(
      {"run", types::record({{"id", types::text()}, {"pipeline", types::text()}, {"commit", types::text()}})});
  scope.names.push_back({"secrets", types::map_of(types::text())});
  scope.names.push_back({"matrix", types::any()});
  scope.step = [&spec](const std::string& id) { return type_of_step(spec, id); };
  return scope;
}

void enter_step(TypeScope& scope, const Step& step) { scope.names.back().type = matrix_type(step, scope); }

}  // namespace luthier::spec
