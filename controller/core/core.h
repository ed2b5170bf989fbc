// The controller's decisions: a pure machine. No I/O, no threads, no clock, no locks, no logging. One owner (the
// runtime's state thread) holds the State.
//
// The shell's duty (DESIGN section 3): call step(), commit what it asks to journal and publish in one transaction,
// only then perform the other effects. step() has already applied the journaled events to `state`; if the commit
// fails the process must exit, because RAM is ahead of disk.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controller/core/effect.h"
#include "controller/core/event.h"
#include "controller/core/input.h"
#include "controller/core/state.h"

namespace luthier::core {

// Decides. Changes `state` only through apply().
[[nodiscard]] std::vector<Effect> step(State& state, const Input& input, Now now);

// Replays one journal record. Live and replay use the same function, so they cannot differ.
void apply(State& state, const Event& event, Now now);

// A hash over everything in the state; the same after replay as live (invariant 10).
[[nodiscard]] std::uint64_t hash(const State& state);

// The whole state but its options, for a snapshot, and back: hash(*state_from_json(state_to_json(s))) == hash(s), also
// by way of text. kDataLoss says which member is not what it must be; members that are absent keep their defaults.
[[nodiscard]] Json state_to_json(const State& state);
[[nodiscard]] Result<State> state_from_json(const Json& body);

// One true sentence on why a step has not started or not ended yet ("waits for train", "no agent has 2 free GPUs:
// a-1 has 1, …"). Empty for a finished step.
[[nodiscard]] std::string waiting_reason(const State& state, const RunId& run, const StepId& step, Now now);

// True when this attempt is the newest of its step, the step is not finished, and this rank of it is not done.
[[nodiscard]] bool is_current(const State& state, const AttemptId& attempt);

// Turns a name ("m", "m@alias", "m@3", "alias:production" with `own_model`) into a registered version.
struct ResolvedModel {
  std::string model;
  int version = 0;
  ModelWeights weights;
};
[[nodiscard]] Result<ResolvedModel> resolve_model(const State& state, const std::string& reference,
                                                  const std::string& own_model);

}  // namespace luthier::core
