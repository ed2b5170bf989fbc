#include "tests/simulation/controller_node.h"

#include <algorithm>

#include "tests/simulation/messages.h"

namespace luthier::simulation {

using core::Event;
using core::Input;

// Every other start goes by a snapshot, which must give the same state as the journal.
core::State ControllerNode::restored() {
  if (epoch_ % 2 == 1) {
    const std::string snapshot = core::state_to_json(replayed_).dump();
    Result<core::State> state = core::state_from_json(core::Json::parse(snapshot));
    if (state && world_.mutator.is(Mutation::kSnapshotLosesPause)) {
      for (auto& [id, run] : state->runs) {
        for (auto& [step, live] : run.steps) {
          live.not_before_wall_ms = 0;
        }
      }
    }
    if (state) {
      return std::move(*state);
    }
    world_.violate("invariant 10: " + state.error().message);
  }
  core::State state;
  for (const Record& record : journal_) {
    Result<Event> event = core::event_from_json(record.name, record.body);
    if (!event) {
      world_.violate("invariant 14: " + event.error().message);
      return state;
    }
    core::apply(state, *event, record.now);
  }
  return state;
}

void ControllerNode::start() {
  ++incarnation_;
  if (!journal_.empty() && journal_.back().more > 0) {
    return world_.violate("invariant 14: the journal ends in the middle of a transaction");
  }
  live_ = restored();
  live_->options = world_.policy;
  replayed_.options = world_.policy;
  world_.checker.on_replay(*live_, replayed_);
  if (epoch_ % 3 == 2 && world_.checker.violations().empty()) {
    world_.checker = core::InvariantChecker(replayed_);  // as a controller does that begins to check
    world_.checker.set_start_grace(milliseconds{kSilenceMs});
  }
  jump_wall_clock(world_.between(-3'000, 3'000));  // another machine, or a corrected clock
  for (const AgentId& id : world_.agent_ids()) {
    const bool patient = !world_.mutator.is(Mutation::kGraceIgnored);
    world_.link(id).last_heard_ms =
        patient ? world_.clock.now_ms() : -kSilenceMs;  // nobody is lost in the grace period
  }
  world_.trace("controller starts, epoch " + std::to_string(epoch_ + 1));
  feed(core::Boot{++epoch_, world_.options.seed});
  if (crashes_to_come_ > 0) {
    --crashes_to_come_;
    world_.clock.after(world_.between(0, 1'500), [this, life = incarnation_] {
      if (life == incarnation_) {
        crash("soon after its start");
      }
    });
  }
}

// What was being committed is lost as a whole, or kept as a whole: the database sees to that.
void ControllerNode::crash(const std::string& when) {
  if (!up()) {
    return;
  }
  world_.trace("controller dies " + when);
  ++world_.counts.controller_crashes;
  live_.reset();
  ++incarnation_;
  const Transaction torn = std::move(pending_);
  pending_.clear();
  effects_.clear();
  queue_.clear();
  wake_wall_ms_.reset();
  wake_monotonic_ms_.reset();
  if (committing_ && world_.clock.now_ms() >= full_until_ms_ && world_.chance(500)) {
    ++world_.counts.torn_kept;
    commit(torn, torn.size());
  } else if (torn.size() > 1 && world_.mutator.is(Mutation::kTornTransaction)) {
    commit(torn, torn.size() / 2);
  }
  committing_ = false;
  world_.controller_went_down();
  world_.clock.after(crashes_to_come_ > 0 ? world_.between(100, 1'000) : world_.between(100, 15'000), [this] {
    if (!up()) {
      start();
    }
  });
}

void ControllerNode::feed(const Input& input) {
  if (up()) {
    queue_.push_back(input);
    process();
  }
}

void ControllerNode::process() {
  while (up() && !committing_ && !queue_.empty()) {
    std::deque<Input> inputs = std::move(queue_);
    queue_.clear();
    for (const Input& input : inputs) {
      if (up()) {
        step_into(input);
      }
    }
    if (!up()) {
      return;
    }
    committing_ = true;
    if (world_.faults_on() && world_.chance(kCommitCrashPerMille)) {
      return crash("before or in a commit");
    }
    const std::int64_t delay_ms = pending_.empty() ? 0 : commit_ms();
    if (delay_ms == 0) {
      finish();
    } else {
      world_.clock.after(delay_ms, [this, life = incarnation_] {
        if (life == incarnation_) {
          finish();
          process();
        }
      });
    }
  }
}

std::int64_t ControllerNode::commit_ms() {
  if (world_.clock.now_ms() < slow_until_ms_) {
    return world_.between(100, 4'000);
  }
  return world_.chance(200) ? world_.between(1, 30) : 0;
}

void ControllerNode::step_into(const Input& given) {
  const Input input = world_.mutator.change(*live_, given);
  if (const auto* finished = std::get_if<core::AttemptFinishedReport>(&input);
      finished != nullptr && world_.mutator.strikes(Mutation::kAcknowledgeUnread, 10)) {
    effects_.push_back(core::SendToAgent{finished->agent,
                                         core::Acknowledge{finished->attempt, core::AcknowledgedReport::kFinished, 0}});
    return;
  }
  if (const auto* cancel = std::get_if<core::CancelRun>(&input);
      cancel != nullptr && world_.mutator.is(Mutation::kForgetCancel) && live_->runs.contains(cancel->run)) {
    effects_.push_back(core::Reply{.request = cancel->request, .value = {{"run", cancel->run.value}}});
    return;
  }
  if (const auto* released = std::get_if<core::AllocationReleasedReport>(&input);
      released != nullptr && world_.mutator.strikes(Mutation::kForgetRelease, 5)) {
    effects_.push_back(core::SendToAgent{released->agent,
                                         core::Acknowledge{released->attempt, core::AcknowledgedReport::kReleased, 0}});
    return;
  }
  const Now at = now();
  clock_jumped_ = false;
  world_.mutator.before_step(*live_, input);
  std::vector<core::Effect> effects = core::step(*live_, input, at);
  world_.mutator.after_step(*live_);
  world_.mutator.change(effects);
  world_.checker.on_effects(effects);
  for (core::Effect& effect : effects) {
    if (auto* journal = std::get_if<core::Journal>(&effect)) {
      pending_.emplace_back(std::move(journal->event), at);
    } else {
      effects_.push_back(std::move(effect));
    }
  }
  if (world_.mutator.is(Mutation::kEffectBeforeCommit)) {
    perform_all(std::exchange(effects_, {}));
  }
}

void ControllerNode::finish() {
  if (!pending_.empty() && world_.clock.now_ms() < full_until_ms_) {
    return crash("because its disk is full");
  }
  const Transaction transaction = std::exchange(pending_, {});
  const std::vector<core::Effect> effects = std::exchange(effects_, {});
  committing_ = false;
  commit(transaction, transaction.size());
  world_.checker.on_state(*live_);
  if (++commits_ % 4 == 0) {
    world_.checker.on_replay(*live_, replayed_);
  }
  perform_all(effects);
  if (commits_ % 3 == 0) {
    check_reasons();
  }
}

void ControllerNode::commit(const Transaction& transaction, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    append(transaction[i].first, transaction[i].second, transaction.size() - 1 - i);
  }
}

void ControllerNode::append(const Event& event, Now at, std::size_t more) {
  Record record{at, core::event_name(event), core::event_to_json(event), more};
  world_.trace("  journal " + record.name + " ", record.body);
  const Result<Event> read = core::event_from_json(record.name, record.body);
  if (!read || !(*read == event)) {
    return world_.violate("invariant 14: event " + record.name + " does not survive the journal");
  }
  world_.checker.on_event(event, at);
  if (!world_.checker.violations().empty()) {
    return;  // what is wrong already need not be applied
  }
  core::apply(replayed_, *read, at);
  check_outputs(event);
  world_.telemetry.on_event(event);
  world_.clients.on_event(event);
  world_.reuse.on_event(event);
  count(event);
  journal_.push_back(std::move(record));
}

void ControllerNode::perform_all(const std::vector<core::Effect>& effects) {
  const std::uint64_t life = incarnation_;
  for (const core::Effect& effect : effects) {
    if (world_.faults_on() && world_.chance(kEffectCrashPerMille)) {
      return crash("between a commit and its effects");
    }
    perform(effect);
    if (life != incarnation_) {
      return;
    }
  }
}

void ControllerNode::perform(const core::Effect& effect) {
  if (const auto* send = std::get_if<core::SendToAgent>(&effect)) {
    if (const auto* stop = std::get_if<core::StopAttempt>(&send->command)) {
      world_.counts.stale_refused += stop->reason == core::StopReason::kSuperseded ? 1 : 0;
      if (world_.mutator.is(Mutation::kReleaseEarly)) {
        world_.clock.after(
            0, [this, release = core::AllocationReleasedReport{stop->attempt, send->agent}] { feed(release); });
      }
    }
    world_.send_to_agent(send->agent, send->command);
  } else if (const auto* welcome = std::get_if<core::Welcome>(&effect)) {
    world_.welcome_agent(welcome->agent, welcome->connection);
  } else if (const auto* reply = std::get_if<core::Reply>(&effect)) {
    world_.clients.on_reply(*reply);
  } else if (const auto* wake = std::get_if<core::WakeAt>(&effect)) {
    const std::int64_t at_ms = std::max(wake->wall_ms - wall_offset_ms_, world_.clock.now_ms());
    wake_wall_ms_ = std::min(wake_wall_ms_.value_or(wake->wall_ms), wake->wall_ms);
    wake_monotonic_ms_ = std::min(wake_monotonic_ms_.value_or(at_ms), at_ms);
    world_.clock.at(at_ms, [this] { tick_if_due(); });
  }
}

bool ControllerNode::is_tick_due() const {
  return wake_wall_ms_ && (now().wall_ms >= *wake_wall_ms_ || now().monotonic_ms >= *wake_monotonic_ms_);
}

void ControllerNode::tick_if_due() {
  if (up() && is_tick_due()) {
    wake_wall_ms_.reset();  // the tick says when the next one is due
    wake_monotonic_ms_.reset();
    feed(core::Tick{});
  }
}

void ControllerNode::watch() {
  if (!up()) {
    return;
  }
  tick_if_due();
  check_reasons();
  std::vector<AgentId> silent;
  if (up()) {
    for (const auto& [id, agent] : live_->agents) {
      if (agent.status != core::AgentStatus::kLost &&
          world_.clock.now_ms() - world_.link(id).last_heard_ms > kSilenceMs) {
        silent.push_back(id);
      }
    }
  }
  for (const AgentId& id : silent) {
    world_.link(id).server_side_open = false;
    world_.break_link(id);
    feed(core::AgentSilent{id, "not heard of for 10 s"});
  }
}

void ControllerNode::check_reasons() {
  if (!up() || committing_ || !queue_.empty()) {
    return;  // RAM is ahead of the journal, which the checker has seen
  }
  if (clock_jumped_ || is_tick_due()) {
    return;  // what is due is done in a moment
  }
  const Now at = now();
  world_.checker.on_reasons(
      [&](const RunId& run, const StepId& step) {
        std::string reason = core::waiting_reason(*live_, run, step, at);
        if (world_.mutator.is(Mutation::kStaleReason)) {
          const auto [remembered, is_new] = remembered_reasons_.try_emplace({run, step}, reason);
          return is_new ? reason : std::exchange(remembered->second, reason);
        }
        return reason;
      },
      at, true);
}

// What a process made carries its attempt's number, so that nothing of one attempt can pass as another's unseen.
void ControllerNode::check_outputs(const Event& event) {
  if (const auto* ended = std::get_if<core::AttemptEnded>(&event)) {
    last_success_.reset();
    if (ended->outcome == core::Outcome::kSucceeded) {
      last_success_ = ended->attempt;
    }
  } else if (const auto* done = std::get_if<core::StepSucceeded>(&event)) {
    if (last_success_ && done->outputs.value("by", 0) != last_success_->number) {
      world_.violate("invariant 2: " + to_string(*last_success_) + " committed the outputs of attempt " +
                     std::to_string(done->outputs.value("by", 0)));
    }
    last_success_.reset();
  } else if (const auto* assigned = std::get_if<core::AttemptAssigned>(&event)) {
    world_.resume_steps[assigned->attempt] = assigned->resume_step;
  } else if (const auto* saved = std::get_if<core::CheckpointCommitted>(&event)) {
    if (saved->checkpoint.metrics.value("by", 0) != saved->attempt.number) {
      world_.violate("invariant 2: " + to_string(saved->attempt) + " committed a checkpoint of another attempt");
    }
  }
}

void ControllerNode::count(const Event& event) {
  World::Counts& counts = world_.counts;
  if (const auto* finished = std::get_if<core::RunFinished>(&event)) {
    counts.succeeded += finished->status == core::RunStatus::kSucceeded ? 1 : 0;
    counts.failed += finished->status == core::RunStatus::kFailed ? 1 : 0;
    counts.cancelled += finished->status == core::RunStatus::kCancelled ? 1 : 0;
  }
  ++counts.events;
  counts.runs += std::holds_alternative<core::RunSubmitted>(event) ? 1 : 0;
  counts.checkpoints += std::holds_alternative<core::CheckpointCommitted>(event) ? 1 : 0;
  counts.retries += std::holds_alternative<core::StepRetrying>(event) ? 1 : 0;
  counts.waits_told += std::holds_alternative<core::StepWaiting>(event) ? 1 : 0;
}

}  // namespace luthier::simulation
