// make_plan: Spec + params + uploaded sources -> Plan.
//
// Params are checked and substituted, matrices expanded, needs inferred and united with explicit ones, types
// checked where values are known, defaults filled in, the graph put in order. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/plan/plan.h"
#include "pipelines/spec/spec.h"

namespace luthier::plan {

// By param name. A JSON string is read as the declared type ("3" for an int), as from `-p epochs=3`.
using ParamValues = std::map<std::string, Json>;

// From the text of a path, or of the patterns of files in the repository, as local_paths() gives it, to {"$artifact":
// "sha256:…", "kind": "source"}.
using SourceMap = std::map<std::string, Json>;

enum class PlanMode {
  kRun,      // every path must be in the SourceMap, every required param given
  kOffline,  // `check` and `plan`: paths stay text, and what mentions a required param that is not given stays an
             // expression
};

struct MadePlan {
  std::optional<Plan> plan;              // present exactly when `errors` is empty
  std::vector<spec::Diagnostic> errors;  // all at once, by place
};

[[nodiscard]] MadePlan make_plan(const spec::Spec& spec, const ParamValues& params, const SourceMap& sources,
                                 PlanMode mode = PlanMode::kRun);

// A value that names files beside the YAML file: a file, a folder, or a pattern with * ("data/*.jsonl"); or, with
// `patterns`, committed files of the repository that the YAML file lies in.
struct LocalPath {
  StepId step;
  std::string key;   // "source", or "inputs/words"
  std::string path;  // after params; the key of the SourceMap: repository:["a","b/**"] for patterns
  spec::Position at;
  std::vector<std::string> patterns = {};  // from the repository's root; * within a part, ** for any number of parts

  friend bool operator==(const LocalPath&, const LocalPath&) = default;
};

struct LocalPaths {
  std::vector<LocalPath> paths;  // in plan order; several steps may name the same path
  std::vector<spec::Diagnostic> errors;
};

// What the CLI must upload before kRun. Reports the errors that make_plan would.
[[nodiscard]] LocalPaths local_paths(const spec::Spec& spec, const ParamValues& params);

}  // namespace luthier::plan
