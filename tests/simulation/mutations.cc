#include "tests/simulation/mutations.h"

#include <algorithm>
#include <array>

namespace luthier::simulation {
namespace {

using enum Mutation;

constexpr std::array kCases{
    MutationCase{kStaleAsCurrent, "stale_as_current", "fencing off: reports of superseded attempts pass as current",
                 "invariant 2:"},
    MutationCase{kSecondAssignment, "second_assignment", "a step is given out again while its attempt is open",
                 "invariant 2:"},
    MutationCase{kStartTwice, "start_twice", "an agent starts the process of one attempt twice", "invariant 2:"},
    MutationCase{kDuplicateSuccess, "duplicate_success", "StepSucceeded is journaled twice", "invariant 1:"},
    MutationCase{kForgetCancel, "forget_cancel", "a cancel is answered and forgotten", "invariant 1:"},
    MutationCase{kEffectBeforeCommit, "effect_before_commit", "effects are performed before the commit",
                 "invariant 1:"},
    MutationCase{kHalfGang, "half_gang", "a gang is given one node less than it wants", "invariant 3:"},
    MutationCase{kGangCommitsEarly, "gang_commits_early", "a gang succeeds with the first of its ranks",
                 "invariant 3:"},
    MutationCase{kDoubleGrant, "double_grant", "an allocation is overlooked when resources are sold", "invariant 4:"},
    MutationCase{kOversell, "oversell", "an agent is believed to have two CPUs more", "invariant 4:"},
    MutationCase{kReleaseEarly, "release_early", "resources are free when a stop is sent", "invariant 4:"},
    MutationCase{kAgentReleasesEarly, "agent_releases_early",
                 "an agent reports resources free before the process is dead", "invariant 4:"},
    MutationCase{kResumeFromStart, "resume_from_start", "agents are told to start over", "invariant 7:"},
    MutationCase{kCheckpointRegression, "checkpoint_regression", "an older checkpoint is committed over a newer one",
                 "invariant 7:"},
    MutationCase{kStaleTelemetry, "stale_telemetry", "telemetry of superseded attempts is accepted", "invariant 8:"},
    MutationCase{kLogOffsetIgnored, "log_offset_ignored", "log bytes sent again are appended again", "invariant 8:"},
    MutationCase{kLogTailForgotten, "log_tail_forgotten", "a flush is reported before the last bytes are sent",
                 "invariant 8:"},
    MutationCase{kLostOutboxRow, "lost_outbox_row", "an outbox row is lost", "invariant 9:"},
    MutationCase{kDoubleOutboxRow, "double_outbox_row", "an outbox row is written twice", "invariant 9:"},
    MutationCase{kForgetEvent, "forget_event", "an event is not journaled", "invariant 10:"},
    MutationCase{kDivergeReplay, "diverge_replay", "an event is journaled differently from how it was applied",
                 "invariant 10:"},
    MutationCase{kSnapshotLosesPause, "snapshot_loses_pause", "a snapshot forgets when steps may be tried again",
                 "invariant 10:"},
    MutationCase{kTornTransaction, "torn_transaction", "half of the last transaction survives a crash",
                 "invariant 14:"},
    MutationCase{kAcknowledgeUnread, "acknowledge_unread", "ends of attempts are acknowledged and lost",
                 "invariant 12:"},
    MutationCase{kLostTimer, "lost_timer", "timers never fire", "invariant 12:"},
    MutationCase{kForgetRelease, "forget_release", "released resources stay promised", "invariant 12:"},
    MutationCase{kKeepServing, "keep_serving", "idle servers are not told to stop", "invariant 12:"},
    MutationCase{kStaleReason, "stale_reason", "reasons are given from memory", "invariant 13:"},
    MutationCase{kHiddenRoom, "hidden_room", "the scheduler overlooks an agent that has room", "invariant 13:"},
    MutationCase{kDecideEarly, "decide_early", "a step is decided before its needs are over", "rule: "},
    MutationCase{kRetryBudgetIgnored, "retry_budget_ignored", "the retry budget is ignored", "rule: "},
    MutationCase{kCrashLimitIgnored, "crash_limit_ignored", "the crash limit is ignored", "rule: "},
    MutationCase{kTwistApproval, "twist_approval", "a person's word is journaled as its opposite", "rule: "},
    MutationCase{kHitAcrossKeys, "hit_across_keys", "the cache gives outputs of another key", "rule: "},
    MutationCase{kTakeOtherOutputs, "take_other_outputs", "a rerun takes over outputs that nobody made", "rule: "},
    MutationCase{kTakeFailed, "take_failed", "a rerun takes over a step that did not succeed", "rule: "},
    MutationCase{kGoOnFromOthers, "go_on_from_others", "a rerun goes on from a checkpoint that nobody committed",
                 "rule: "},
    MutationCase{kTakeDeleted, "take_deleted", "a rerun takes over outputs whose artifacts were deleted", "rule: "},
    MutationCase{kForgetOrigin, "forget_origin", "outputs that were not made anew pass as if they were", "rule: "},
    MutationCase{kCommandBeforeWelcome, "command_before_welcome", "a command goes out before the Hello is decided upon",
                 "invariant 4"},
    MutationCase{kGraceIgnored, "grace_ignored", "agents are lost at once after a controller's start", "rule: "},
};

// Passes a report off as one of the step's newest attempt.
void pass_as_current(const core::State& state, auto& report) {
  const core::LiveStep* step = core::find_step(state, report.attempt.run, report.attempt.step);
  if (step != nullptr && step->attempt_number > 0) {
    report.attempt.number = step->attempt_number;
    report.agent = step->attempt.agent;
  }
}

template <class E>
E* journaled(core::Effect& effect) {
  auto* journal = std::get_if<core::Journal>(&effect);
  return journal == nullptr ? nullptr : std::get_if<E>(&journal->event);
}

// Believes of a rank that ends well that the others have too.
void complete_gang(core::State& state, const core::AttemptFinishedReport& report) {
  if (report.outcome != core::Outcome::kSucceeded || !core::is_current(state, report.attempt)) {
    return;
  }
  if (const auto run = state.runs.find(report.attempt.run); run != state.runs.end()) {
    core::Attempt& live = run->second.steps.at(report.attempt.step).attempt;
    for (std::int32_t rank = 0; rank < core::world_size(live); ++rank) {
      if (rank != report.attempt.rank && rank == 0) {
        live.done = true;
      } else if (rank != report.attempt.rank) {
        live.gang[static_cast<std::size_t>(rank) - 1].done = true;
      }
    }
  }
}

// Puts a copy, perhaps changed, behind the first effect that `matches`.
void repeat_first(std::vector<core::Effect>& effects, const auto& matches, const auto& change) {
  for (auto each = effects.begin(); each != effects.end(); ++each) {
    if (matches(*each)) {
      core::Effect copy = *each;
      change(copy);
      effects.insert(each + 1, std::move(copy));
      return;
    }
  }
}

}  // namespace

std::span<const MutationCase> mutation_cases() { return kCases; }

core::Input Mutator::change(const core::State& state, const core::Input& input) {
  core::Input changed = input;
  if (is(kStaleAsCurrent)) {
    if (auto* saved = std::get_if<core::CheckpointOfferedReport>(&changed)) {
      pass_as_current(state, *saved);
    } else if (auto* finished = std::get_if<core::AttemptFinishedReport>(&changed)) {
      pass_as_current(state, *finished);
    }
  }
  if (auto* submitted = std::get_if<core::SubmitRun>(&changed);
      submitted != nullptr && !submitted->rerun_of.value.empty()) {
    change_rerun(*submitted);
  }
  return changed;
}

void Mutator::change_rerun(core::SubmitRun& rerun) {
  if (is(kTakeOtherOutputs) && !rerun.taken_over.empty()) {
    rerun.taken_over.begin()->second.outputs["value"] = 8;
  }
  if (is(kGoOnFromOthers)) {
    for (auto& [step, reached] : rerun.unfinished) {
      reached.checkpoints.back().step += 10;
    }
  }
  if (is(kTakeFailed)) {
    for (const plan::Step& step : rerun.plan.steps) {
      rerun.taken_over.try_emplace(step.id, core::TakenOver{.with = core::Json::object(), .made_by = rerun.rerun_of});
    }
  }
}

void Mutator::before_step(core::State& state, const core::Input& input) {
  hidden_allocation_.reset();
  changed_agent_.reset();
  failures_.clear();
  if (strikes(kDoubleGrant, 4) && !state.allocations.empty()) {
    hidden_allocation_ = *state.allocations.begin();
    state.allocations.erase(state.allocations.begin());
  }
  if ((is(kOversell) || strikes(kHiddenRoom, 3)) && !state.agents.empty() &&
      !std::holds_alternative<core::AgentConnected>(input) && !std::holds_alternative<core::AgentSilent>(input)) {
    auto& [id, agent] = *state.agents.begin();
    changed_agent_.emplace(id, agent);
    if (is(kOversell)) {
      agent.resources.cpus += 2;
    } else {
      agent.status = core::AgentStatus::kLost;
    }
  }
  if (const auto* finished = std::get_if<core::AttemptFinishedReport>(&input); is(kGangCommitsEarly) && finished) {
    complete_gang(state, *finished);
  }
  if (is(kHitAcrossKeys) && state.cache.size() > 1) {
    auto& first = state.cache.begin()->second;
    auto& last = state.cache.rbegin()->second;
    swapped_outputs_ = {{state.cache.begin()->first, {last.outputs, first.outputs}},
                        {state.cache.rbegin()->first, {first.outputs, last.outputs}}};
    std::swap(first.outputs, last.outputs);
  }
  if (strikes(kDecideEarly, 10)) {
    for (auto& [id, run] : state.runs) {
      for (const auto& [step, live] : run.steps) {
        if (live.status == core::StepStatus::kWaiting) {
          run.index.decidable.insert(run.index.position.at(step));
        }
      }
    }
  }
  if (is(kRetryBudgetIgnored) || is(kCrashLimitIgnored)) {
    for (auto& [id, run] : state.runs) {
      for (auto& [step, live] : run.steps) {
        failures_[{id, step}] = {live.infrastructure_failures, live.user_failures, live.crashed_on};
        if (is(kRetryBudgetIgnored)) {
          live.infrastructure_failures = -100;
          live.user_failures = -100;
        } else {
          live.crashed_on.clear();
        }
      }
    }
  }
}

void Mutator::after_step(core::State& state) {
  for (auto& [key, swapped] : swapped_outputs_) {
    const auto entry = state.cache.find(key);
    if (entry != state.cache.end() && entry->second.outputs == swapped.given) {  // not made anew meanwhile
      entry->second.outputs = std::move(swapped.made);
    }
  }
  swapped_outputs_.clear();
  if (hidden_allocation_) {
    state.allocations.insert(*hidden_allocation_);
  }
  if (changed_agent_) {
    state.agents[changed_agent_->first] = changed_agent_->second;
  }
  for (const auto& [key, before] : failures_) {
    const auto run = state.runs.find(key.first);
    if (run != state.runs.end()) {
      core::LiveStep& live = run->second.steps.at(key.second);
      if (is(kRetryBudgetIgnored)) {
        live.infrastructure_failures += 100 + before.infrastructure;
        live.user_failures += 100 + before.user;
      } else {
        std::vector<AgentId> all = before.crashed_on;
        for (const AgentId& agent : live.crashed_on) {
          if (std::find(all.begin(), all.end(), agent) == all.end()) {
            all.push_back(agent);
          }
        }
        live.crashed_on = std::move(all);
      }
    }
  }
}

void Mutator::change_journal(core::Event& event) {
  if (auto* saved = std::get_if<core::CheckpointCommitted>(&event); saved != nullptr && is(kCheckpointRegression)) {
    saved->checkpoint.step -= 15;
  }
  if (auto* assigned = std::get_if<core::AttemptAssigned>(&event);
      assigned != nullptr && is(kHalfGang) && !assigned->gang.empty()) {
    assigned->gang.pop_back();
  }
  if (auto* decided = std::get_if<core::ApprovalDecided>(&event); decided != nullptr && is(kTwistApproval)) {
    decided->approved = !decided->approved;
  }
  if (auto* done = std::get_if<core::StepSucceeded>(&event); done != nullptr && is(kForgetOrigin)) {
    done->cached_from = {};
  }
  if (auto* retrying = std::get_if<core::StepRetrying>(&event); retrying != nullptr && is(kDivergeReplay)) {
    retrying->not_before_wall_ms += 1;
  }
}

void Mutator::change(std::vector<core::Effect>& effects) {
  const auto lost = [this](core::Effect& effect) {
    const auto* send = std::get_if<core::SendToAgent>(&effect);
    const auto* stop = send == nullptr ? nullptr : std::get_if<core::StopAttempt>(&send->command);
    return (std::holds_alternative<core::Journal>(effect) && strikes(kForgetEvent, 50)) ||
           (std::holds_alternative<core::Publish>(effect) && strikes(kLostOutboxRow, 20)) ||
           (std::holds_alternative<core::WakeAt>(effect) && is(kLostTimer)) ||
           (stop != nullptr && stop->reason == core::StopReason::kIdle && is(kKeepServing));
  };
  std::erase_if(effects, lost);
  for (core::Effect& effect : effects) {
    if (auto* journal = std::get_if<core::Journal>(&effect)) {
      change_journal(journal->event);
    }
    if (auto* send = std::get_if<core::SendToAgent>(&effect); send != nullptr && is(kResumeFromStart)) {
      if (auto* start = std::get_if<core::StartAttempt>(&send->command)) {
        start->resume_step = 0;
        start->resume_artifact.clear();
      }
    }
  }
  if (is(kSecondAssignment)) {
    repeat_first(
        effects, [](core::Effect& effect) { return journaled<core::AttemptAssigned>(effect) != nullptr; },
        [](core::Effect& effect) { ++journaled<core::AttemptAssigned>(effect)->attempt.number; });
  }
  if (is(kDuplicateSuccess)) {
    repeat_first(
        effects, [](core::Effect& effect) { return journaled<core::StepSucceeded>(effect) != nullptr; },
        [](core::Effect&) {});
  }
  if (strikes(kDoubleOutboxRow, 20)) {
    repeat_first(
        effects, [](core::Effect& effect) { return std::holds_alternative<core::Publish>(effect); },
        [](core::Effect&) {});
  }
}

void Mutator::change(std::vector<agents::Effect>& effects) {
  std::vector<agents::Effect> more;
  for (const agents::Effect& effect : effects) {
    if (const auto* stop = std::get_if<agents::StopProcess>(&effect); stop != nullptr && is(kAgentReleasesEarly)) {
      more.push_back(agents::SendReport{agents::ReleasedReport{stop->attempt}});
    }
    if (std::holds_alternative<agents::StartShim>(effect) && strikes(kStartTwice, 4)) {
      more.push_back(effect);
    }
  }
  effects.insert(effects.end(), more.begin(), more.end());
}

}  // namespace luthier::simulation
