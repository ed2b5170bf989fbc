// Mutations: the machine broken on purpose, from outside. They change what goes into step(), what comes out of it, or
// the state while it runs; the production sources hold no switch for them. Their dice are their own, so that a world
// without a mutation is not changed by this file.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agents/core/core.h"
#include "base/random.h"
#include "controller/core/core.h"
#include "tests/simulation/options.h"

namespace luthier::simulation {

struct MutationCase {
  Mutation mutation;
  std::string_view name;      // for --mutation=NAME
  std::string_view what;      // what is broken
  std::string_view expected;  // how the violation begins that must catch it
};
[[nodiscard]] std::span<const MutationCase> mutation_cases();

class Mutator {
 public:
  explicit Mutator(const Options& options) : kind_(options.mutation), random_(options.seed * 7919 + 13) {}

  [[nodiscard]] bool is(Mutation kind) const { return kind_ == kind; }
  // As is(), but only in one of `among` occasions.
  [[nodiscard]] bool strikes(Mutation kind, std::uint64_t among) { return is(kind) && random_.below(among) == 0; }

  // --- the controller ---
  [[nodiscard]] core::Input change(const core::State& state, const core::Input& input);
  // Around one step(): what was changed before is put back after.
  void before_step(core::State& state, const core::Input& input);
  void after_step(core::State& state);
  void change(std::vector<core::Effect>& effects);

  // --- agents ---
  void change(std::vector<agents::Effect>& effects);

 private:
  void change_journal(core::Event& event);
  void change_rerun(core::SubmitRun& rerun);

  const Mutation kind_;
  Random random_;
  std::optional<std::pair<AttemptId, core::Allocation>> hidden_allocation_;
  std::optional<std::pair<AgentId, core::Agent>> changed_agent_;
  struct Swapped {
    core::Json given, made;
  };
  std::map<std::string, Swapped> swapped_outputs_;  // of cache entries, by key
  struct Failures {
    int infrastructure = 0, user = 0;
    std::vector<AgentId> crashed_on;
  };
  std::map<std::pair<RunId, StepId>, Failures> failures_;
};

}  // namespace luthier::simulation
