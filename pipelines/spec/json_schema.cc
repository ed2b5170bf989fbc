#include "pipelines/spec/json_schema.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "pipelines/spec/declaration.h"

namespace luthier::spec {
namespace {

using Schema = nlohmann::ordered_json;

constexpr const char* kNamePattern = "^[A-Za-z_][A-Za-z0-9_-]{0,63}$";

Schema schema_of(const Shape& shape, bool expressions);

Schema number_schema(const char* type, const Shape& shape) {
  const auto bound = [](double value) {
    return value == std::floor(value) ? Schema(static_cast<std::int64_t>(value)) : Schema(value);
  };
  Schema schema{{"type", type}};
  if (shape.least) {
    schema["minimum"] = bound(*shape.least);
  }
  if (shape.greatest) {
    schema["maximum"] = bound(*shape.greatest);
  }
  return schema;
}

Schema object_schema(const Shape& shape, bool expressions) {
  Schema schema{{"type", "object"}, {"additionalProperties", false}, {"properties", Schema::object()}};
  Schema required = Schema::array();
  const Shape* inputs = nullptr;
  for (const Field& field : shape.fields) {
    Schema member = schema_of(field.shape, expressions);
    member["description"] = field.doc;
    if (field.fallback) {
      member["default"] = *field.fallback;
    }
    schema["properties"][field.key] = std::move(member);
    if (field.required) {
      required.push_back(field.key);
    }
    inputs = field.shape.kind == Kind::kStepInputs ? &field.shape : inputs;
  }
  if (!required.empty()) {
    schema["required"] = required;
  }
  for (const auto& group : shape.exactly_one) {
    for (const std::string& key : group) {
      schema["oneOf"].push_back({{"required", Schema::array({key})}});
    }
  }
  for (const StepType& type : inputs == nullptr ? std::vector<StepType>{} : step_types()) {
    schema["allOf"].push_back({{"if", {{"properties", {{"uses", {{"const", type.name}}}}}}},
                               {"then", {{"properties", {{"with", schema_of(type.inputs, false)}}}}}});
  }
  return schema;
}

Schema step_type_schema() {
  Schema schema{{"type", "string"}};
  for (const StepType& type : step_types()) {
    schema["enum"].push_back(type.name);
    schema["enumDescriptions"].push_back(type.doc);
  }
  return schema;
}

Schema plain_schema(const Shape& shape, bool expressions) {
  const Schema scalar{{"type", Schema::array({"string", "number", "boolean"})}};
  switch (shape.kind) {
    case Kind::kAny: return Schema::object();
    case Kind::kStepInputs: return {{"type", "object"}};
    case Kind::kScalar: return scalar;
    case Kind::kString:  // without choices a plain number is taken as written
      return shape.choices.empty() ? scalar : Schema{{"type", "string"}, {"enum", shape.choices}};
    case Kind::kName: return {{"type", "string"}, {"pattern", kNamePattern}};
    case Kind::kInt: return number_schema("integer", shape);
    case Kind::kFloat: return number_schema("number", shape);
    case Kind::kBool: return {{"type", "boolean"}};
    case Kind::kDuration:
      return {
          {"type", "string"}, {"pattern", "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"}, {"minLength", 2}};
    case Kind::kBackoff: return {{"type", "string"}, {"pattern", "^[0-9dhms]+\\.\\.[0-9dhms]+$"}};
    case Kind::kBytes: return {{"type", "string"}, {"pattern", "^[0-9.]+([KMGT]i?)?B$"}};
    case Kind::kCondition: return {{"type", Schema::array({"string", "boolean"})}};
    case Kind::kStepType: return step_type_schema();
    case Kind::kArtifact:
      return {{"type", Schema::array({"string", "object"})},
              {"pattern", "\\$\\{\\{"},
              {"required", Schema::array({"$artifact"})}};
    case Kind::kPath:
      return {
          {"type", Schema::array({"string", "object"})}, {"minLength", 1}, {"required", Schema::array({"$artifact"})}};
    case Kind::kModel:
      return {{"type", Schema::array({"string", "object"})},
              {"minLength", 1},
              {"anyOf",
               Schema::array({{{"required", Schema::array({"base"})}}, {{"required", Schema::array({"$artifact"})}}})}};
    case Kind::kList:
      return {{"type", "array"},
              {"items", schema_of(shape.options.front(), expressions)},
              {"minItems", static_cast<int>(shape.least.value_or(0))},
              {"maxItems", static_cast<int>(shape.greatest.value_or(0))}};
    case Kind::kMap:
      return {{"type", "object"},
              {"propertyNames", {{"pattern", kNamePattern}}},
              {"additionalProperties", schema_of(shape.options.front(), expressions)},
              {"minProperties", static_cast<int>(shape.least.value_or(0))},
              {"maxProperties", static_cast<int>(shape.greatest.value_or(0))}};
    case Kind::kObject: return object_schema(shape, expressions);
    case Kind::kOneOf: {
      Schema schema;
      for (const Shape& option : shape.options) {
        schema["anyOf"].push_back(schema_of(option, expressions));
      }
      return schema;
    }
  }
  return Schema::object();
}

// Whether any text at all is accepted already, so that ${{ }} needs no alternative of its own.
bool takes_any_text(const Shape& shape) {
  return shape.kind == Kind::kAny || shape.kind == Kind::kScalar || shape.kind == Kind::kPath ||
         shape.kind == Kind::kArtifact || shape.kind == Kind::kModel || shape.kind == Kind::kCondition ||
         (shape.kind == Kind::kString && shape.choices.empty());
}

Schema schema_of(const Shape& shape, bool outer_expressions) {
  Schema plain = plain_schema(shape, outer_expressions || shape.expressions);
  Schema alternatives = Schema::array();
  if (outer_expressions && !takes_any_text(shape)) {
    alternatives.push_back({{"type", "string"}, {"pattern", "\\$\\{\\{"}});
  }
  if (shape.automatic) {
    alternatives.push_back({{"const", "auto"}});
  }
  if (shape.nullable) {
    alternatives.push_back({{"type", "null"}});
  }
  if (alternatives.empty()) {
    return plain;
  }
  alternatives.insert(alternatives.begin(), std::move(plain));
  return {{"anyOf", std::move(alternatives)}};
}

}  // namespace

std::string json_schema() {
  Schema schema{{"$schema", "http://json-schema.org/draft-07/schema#"}, {"title", "Luthier pipeline"}};
  schema.update(schema_of(pipeline_shape(), false));
  return schema.dump(1) + "\n";
}

}  // namespace luthier::spec
