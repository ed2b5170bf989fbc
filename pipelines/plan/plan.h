// Plan: what a run will do, fully resolved but for what only running steps can know.
//
// Made from a Spec by make_plan(): params substituted, matrix expanded, needs inferred, graph checked, defaults
// filled in. Value type, free of YAML; serialises to JSON and back without loss, because the journal keeps it.
// Expressions that mention steps.* stay as text in `with` and `condition`; expression.h evaluates them when a
// step becomes ready.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace luthier::plan {

using Json = nlohmann::json;

// Budgets are separate: a user error is not paid for by infrastructure retries.
struct Retry {
  int infrastructure = 5;  // lost agents, killed workers
  int preemption = 20;     // moved off an agent that is being drained
  int user = 0;            // the step's own failure
  milliseconds backoff_min{1'000};
  milliseconds backoff_max{60'000};

  friend bool operator==(const Retry&, const Retry&) = default;
};

struct Resources {
  int nodes = 1;
  int gpus = 0;                    // per node
  double cpus = 1;                 // per node
  std::uint64_t memory_bytes = 0;  // per node; 0: not asked for
  // An agent fits only if it has every one of these labels with this very value.
  std::map<std::string, std::string> labels;

  friend bool operator==(const Resources&, const Resources&) = default;
};

// Where a step runs: on an agent (a process), or inside the controller (no process).
enum class Place { kAgent, kController };

struct Step {
  StepId id;         // "train", or "train[lr=0.1,seed=2]" for a matrix member
  std::string name;  // key in the YAML file; the same for all members of a matrix
  std::string uses;  // step type: prepare, upload, train, checkpoint, eval, register, promote, run
  Place place = Place::kAgent;
  Json with = Json::object();
  // Expression without ${{ }}; empty means "all needs succeeded". An `if: X` that calls no success(), failure() or
  // always() is here as "success() && (X)".
  std::string condition;
  std::vector<StepId> needs;  // explicit and inferred, sorted, without repeats
  Resources resources;
  Retry retry;
  milliseconds timeout{0};  // of one attempt; 0: none
  int priority = 0;
  int max_parallel = 0;  // members of its matrix that may run at once; 0: no limit
  bool exclusive = false;
  std::optional<bool> cache;     // as the file says; absent: what the step type does by itself
  Json matrix = Json::object();  // this member's values
  int line = 0;                  // in the YAML file, for messages

  friend bool operator==(const Step&, const Step&) = default;
};

struct Plan {
  std::string pipeline;  // `name` of the file
  std::string commit;    // of the repository that the file lay in, for people; empty: not known
  Json params = Json::object();
  std::vector<Step> steps;  // in an order where needs come first

  friend bool operator==(const Plan&, const Plan&) = default;
};

[[nodiscard]] Json to_json(const Plan& plan);
// kInvalidArgument names the member that is missing or of the wrong type.
[[nodiscard]] Result<Plan> plan_from_json(const Json& json);

// The names of `with` keys of a step type whose value may be a model: a name ("tiny-llama", "sports@production",
// "sports@3"), "alias:production" (of the pipeline's own model), or a model value (docs/worker-protocol.md).
// The controller resolves them to digests when the step becomes ready.
[[nodiscard]] std::vector<std::string> model_inputs(const std::string& uses);

// The inputs of a step of type `uses` with every expression replaced, before models are resolved: error when a value
// does not fit its declaration (check_resolved in pipelines/spec/check_value.h). Values may be converted, and keys that
// came out as null left out.
[[nodiscard]] Result<void> check_inputs(const std::string& uses, Json& with);

}  // namespace luthier::plan
