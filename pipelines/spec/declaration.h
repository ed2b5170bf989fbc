// The declaration of the pipeline language: every key with its type, default and meaning, once. The checker
// (check_value.h), the defaults that make_plan fills in, the references to outputs and the JSON Schema
// (json_schema.h) all read this table, so that they cannot drift apart.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/spec/value_type.h"

namespace luthier::spec {

enum class Kind {
  kAny,     // any JSON value
  kScalar,  // text, number, true or false, with the type that YAML gives it
  kString,  // text; a plain number is taken as written
  kName,    // a letter or _, then letters, digits, _ and -; at most 64 characters
  kInt,
  kFloat,
  kBool,
  kDuration,    // "1h30m"
  kBackoff,     // "10s..10m"
  kBytes,       // "24GiB"
  kCondition,   // text of an expression, with or without ${{ }}, or true or false
  kPath,        // files beside the YAML file, or a source artifact
  kArtifact,    // {"$artifact": …}: an output of a step; `choices` are the kinds allowed
  kModel,       // a name, "alias:NAME", or a model value
  kList,        // of options[0]
  kMap,         // names (as kName) to options[0]
  kObject,      // `fields`
  kStepType,    // a name of step_types()
  kOneOf,       // the first of `options` that fits the form (scalar, list, map) of the value
  kStepInputs,  // `with`: the inputs of the step type that the sibling key `uses` names
};

struct Field;

struct Shape {
  Kind kind = Kind::kAny;
  std::optional<double> least;  // numbers; for lists and maps, the number of items
  std::optional<double> greatest;
  std::vector<std::string> choices;  // of a string or an artifact; empty: any
  bool nullable = false;
  bool automatic = false;    // of a number: the text auto may stand for it
  bool expressions = false;  // strings inside of it, at any depth, may hold ${{ }}
  bool repository = false;   // of a kList: patterns of files in the repository, committed ones, from its root
  std::vector<Shape> options;
  std::vector<Field> fields;
  std::vector<std::vector<std::string>> exactly_one;  // of an object: of each group just one key is given
};

struct Field {
  std::string key;
  Shape shape;
  std::string doc;
  bool required = false;
  std::optional<nlohmann::json> fallback;
};

struct Output {
  std::string name;
  Type type;
  std::string doc;
};

enum class StepPlace { kAgent, kController };

struct StepType {
  std::string name;
  StepPlace place = StepPlace::kAgent;
  std::string doc;
  Shape inputs;  // an object
  std::vector<Output> outputs;
  bool open_outputs = false;  // gives outputs of other names too
};

// The whole file.
[[nodiscard]] const Shape& pipeline_shape();

[[nodiscard]] const std::vector<StepType>& step_types();
// nullptr for an unknown name.
[[nodiscard]] const StepType* find_step_type(std::string_view name);

// The field of an object by its key; nullptr when there is none.
[[nodiscard]] const Field* find_field(const Shape& shape, std::string_view key);

// The option of a kOneOf for a value of this form; other shapes answer themselves. Never null.
enum class Form { kScalar, kList, kMap };
[[nodiscard]] const Shape& option_for(const Shape& shape, Form form);

}  // namespace luthier::spec
