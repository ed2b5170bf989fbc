// Spec: a pipeline file as typed values, each with its place in the file.
//
// parse_spec() is strict and reports every error at once. What it accepts is declared once, in
// spec/declaration.h, which also makes the published JSON Schema. Pure; no I/O; YAML stays behind this header.
// Next stage: pipelines/plan/make_plan.h.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pipelines/spec/diagnostic.h"

namespace luthier::spec {

using Json = nlohmann::json;

// Bounds on one file, so that no input can cost more than a moment.
inline constexpr std::size_t kFileBytesMax = 1 << 20;
inline constexpr int kYamlDepthMax = 32;
inline constexpr int kYamlNodesMax = 20'000;  // after aliases are expanded
inline constexpr std::size_t kYamlKeyBytesMax = 128;
inline constexpr std::size_t kStepsMax = 10'000;  // of a file, and of a plan with every matrix expanded
inline constexpr std::size_t kMatrixMembersMax = 4'096;
inline constexpr std::size_t kNeedsMax = 200'000;  // of all steps of a plan together

// Where a value's key and the value itself stand. A list item has no key.
struct Places {
  Position key;
  Position value;
};

// A value of any depth. `places` is keyed by JSON pointer ("" is the value itself, "/split/validation" inside it).
struct LocatedJson {
  Json json;
  std::map<std::string, Places> places;

  // The place of `pointer`, or of its nearest ancestor that has one.
  [[nodiscard]] Position at(std::string_view pointer) const;
};

enum class ParamType { kString, kInt, kFloat, kBool, kPath, kChoice };
[[nodiscard]] std::string to_string(ParamType type);  // "string", "int", ...

struct Param {
  std::string name;
  ParamType type = ParamType::kString;
  std::optional<Json> fallback;  // `default`
  bool required = false;         // true when there is no default, unless the file says `required: false`
  std::optional<double> least;
  std::optional<double> greatest;
  std::vector<Json> choices;
  std::string description;
  Position at;
};

// Absent members are inherited: step, then `defaults`, then plan.h's own.
struct Retry {
  std::optional<int> infrastructure;
  std::optional<int> preemption;
  std::optional<int> user;
  std::optional<milliseconds> backoff_min;
  std::optional<milliseconds> backoff_max;
};

struct Resources {
  std::optional<int> nodes;
  std::optional<int> gpus;
  std::optional<double> cpus;
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::map<std::string, std::string>> labels;
};

struct Defaults {
  Retry retry;
  Resources resources;
  std::optional<milliseconds> timeout;
};

struct Need {
  std::string step;
  Position at;
};

// One key of a matrix; values are scalars, or expressions of params that give one.
struct MatrixAxis {
  std::string name;
  LocatedJson values;  // an array
};

struct Step {
  std::string name;
  std::string uses;
  LocatedJson with;         // an object; expressions are still text
  std::vector<Need> needs;  // explicit ones only
  std::string condition;    // `if`, without ${{ }}; empty when absent
  Position condition_at;
  Retry retry;
  Resources resources;
  std::optional<milliseconds> timeout;
  std::vector<MatrixAxis> matrix;  // in the file's order
  LocatedJson exclude;             // an array of objects; null when absent
  LocatedJson include;             // an array of objects; null when absent
  int max_parallel = 0;            // members that may run at once; 0: no limit
  int priority = 0;
  bool exclusive = false;
  std::optional<bool> cache;
  Position at;  // of the step's name
};

// The keys of the step's `include` that are not keys of its matrix, sorted: members may have such values too.
[[nodiscard]] std::vector<std::string> further_keys(const Step& step);

struct Spec {
  std::string file;  // as given to parse_spec, for messages
  std::string name;
  std::vector<Param> params;  // in the file's order
  Defaults defaults;
  std::vector<Step> steps;  // in the file's order
  Json triggers;            // {"schedule": …, "data": …, "git": …}; null when absent. Not active yet.
  Json integrations;        // {"wandb": …, "webhooks": […]}; null when absent. Not active yet.
};

struct ParsedSpec {
  std::optional<Spec> spec;        // present exactly when `errors` is empty
  std::vector<Diagnostic> errors;  // by place
  std::vector<Diagnostic> notes;   // true and harmless things to know ("not active yet")
};

// `file_name` is only for messages. Never throws, never crashes, whatever the text.
[[nodiscard]] ParsedSpec parse_spec(std::string_view text, const std::string& file_name);

}  // namespace luthier::spec
