#include "tests/simulation/controller_node.h"

#include "tests/simulation/messages.h"

namespace luthier::simulation {

using core::Event;
using core::Input;

void ControllerNode::start() {
  live_.emplace();
  if (!load_snapshot()) {
    return;
  }
  for (std::size_t i = snapshot_ ? snapshot_->records : 0; i < journal_.size(); ++i) {
    const Record& record = journal_[i];
    Result<Event> event = core::event_from_json(record.name, record.body);
    if (!event) {
      return world_.violate("invariant 14: " + event.error().message);
    }
    core::apply(*live_, *event, record.now);
  }
  world_.checker.on_replay(*live_, replayed_);
  wall_offset_ms_ += world_.between(-3'000, 3'000);  // another machine, or a corrected clock
  for (const AgentId& id : world_.agent_ids()) {
    world_.link(id).last_heard_ms = world_.clock.now_ms();  // nobody is lost before the grace period has passed
  }
  world_.trace("controller starts, epoch " + std::to_string(epoch_ + 1));
  feed(core::Boot{++epoch_, world_.options.seed});
}

void ControllerNode::take_snapshot() {
  snapshot_ = Snapshot{journal_.size(), core::state_to_json(replayed_).dump()};
  const Result<core::State> read = core::state_from_json(core::Json::parse(snapshot_->text));
  if (!read) {
    world_.violate("invariant 10: " + read.error().message);
  } else if (core::hash(*read) != core::hash(replayed_)) {
    world_.violate("invariant 10: the snapshot after record " + std::to_string(journal_.size()) +
                   " gives another state");
  }
}

bool ControllerNode::load_snapshot() {
  if (!snapshot_) {
    return true;
  }
  Result<core::State> read = core::state_from_json(core::Json::parse(snapshot_->text));
  if (!read) {
    world_.violate("invariant 10: " + read.error().message);
    return false;
  }
  *live_ = std::move(*read);
  return true;
}

void ControllerNode::crash(const std::string& when) {
  if (!up()) {
    return;
  }
  world_.trace("controller dies " + when);
  ++world_.counts.controller_crashes;
  live_.reset();
  world_.controller_went_down();
  world_.clock.after(world_.between(100, 15'000), [this] {
    if (!up()) {
      start();
    }
  });
}

void ControllerNode::feed(const Input& given) {
  const Input input = mutate(given);
  const Now at = now();
  const std::vector<core::Effect> effects = core::step(*live_, input, at);
  if (world_.faults_on() && world_.chance(kCommitCrashPerMille)) {
    return crash("before a commit");
  }
  for (const core::Effect& effect : effects) {
    if (const auto* journal = std::get_if<core::Journal>(&effect)) {
      commit(journal->event, at);
    }
  }
  world_.checker.on_state(*live_);
  if (++commits_ % 4 == 0) {
    world_.checker.on_replay(*live_, replayed_);
  }
  if (commits_ % kSnapshotEvery == 0) {
    take_snapshot();
  }
  for (const core::Effect& effect : effects) {
    if (world_.faults_on() && world_.chance(1)) {
      return crash("between a commit and its effects");
    }
    perform(effect);
  }
}

void ControllerNode::commit(const Event& event, Now at) {
  if (world_.options.mutation == Mutation::kForgetEvent && world_.random.below(50) == 0) {
    return;
  }
  Record record{at, core::event_name(event), core::event_to_json(event)};
  world_.trace("  journal " + record.name + " " + record.body.dump().substr(0, 160));
  const Result<Event> read = core::event_from_json(record.name, record.body);
  if (!read || !(*read == event)) {
    return world_.violate("invariant 14: event " + record.name + " does not survive the journal");
  }
  core::apply(replayed_, *read, at);
  world_.checker.on_event(event);
  check_outputs(event);
  count(event);
  journal_.push_back(std::move(record));
}

void ControllerNode::perform(const core::Effect& effect) {
  if (const auto* send = std::get_if<core::SendToAgent>(&effect)) {
    core::AgentCommand command = send->command;
    if (auto* start = std::get_if<core::StartAttempt>(&command);
        start != nullptr && world_.options.mutation == Mutation::kResumeFromStart) {
      start->resume_step = 0;
      start->resume_artifact.clear();
    }
    if (const auto* stop = std::get_if<core::StopAttempt>(&command)) {
      if (stop->reason == core::StopReason::kSuperseded) {
        ++world_.counts.stale_refused;
      }
      if (world_.options.mutation == Mutation::kReleaseEarly) {
        world_.clock.after(0, [this, release = core::AllocationReleasedReport{stop->attempt, send->agent}] {
          if (up()) {
            feed(release);
          }
        });
      }
    }
    world_.send_to_agent(send->agent, command);
  } else if (const auto* wake = std::get_if<core::WakeAt>(&effect)) {
    world_.clock.at(wake->wall_ms - wall_offset_ms_, [this] {
      if (up()) {
        feed(core::Tick{});
      }
    });
  }
}

void ControllerNode::watch() {
  if (!up()) {
    return;
  }
  std::vector<AgentId> silent;
  for (const auto& [id, agent] : live_->agents) {
    if (agent.status != core::AgentStatus::kLost &&
        world_.clock.now_ms() - world_.link(id).last_heard_ms > kSilenceMs) {
      silent.push_back(id);
    }
  }
  for (const auto& [id, run] : live_->runs) {
    for (const auto& [step, live] : run.steps) {
      if (!core::is_terminal(live.status) && core::waiting_reason(*live_, id, step, now()).empty()) {
        world_.violate("invariant 13: " + id.value + "/" + step.value + " waits without a reason");
      }
    }
  }
  for (const AgentId& id : silent) {
    world_.link(id).server_side_open = false;
    world_.break_link(id);
    if (up()) {
      feed(core::AgentSilent{id, "not heard of for 10 s"});
    }
  }
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
  counts.runs += std::holds_alternative<core::RunSubmitted>(event) ? 1 : 0;
  counts.checkpoints += std::holds_alternative<core::CheckpointCommitted>(event) ? 1 : 0;
  counts.retries += std::holds_alternative<core::StepRetrying>(event) ? 1 : 0;
}

Input ControllerNode::mutate(const Input& input) const {
  Input changed = input;
  const auto pass_as_current = [this](auto& report) {
    const core::LiveStep* step = core::find_step(*live_, report.attempt.run, report.attempt.step);
    if (step != nullptr && step->attempt_number > 0) {
      report.attempt.number = step->attempt_number;
      report.agent = step->attempt.agent;
    }
  };
  if (world_.options.mutation == Mutation::kStaleAsCurrent) {
    if (auto* saved = std::get_if<core::CheckpointOfferedReport>(&changed)) {
      pass_as_current(*saved);
    } else if (auto* finished = std::get_if<core::AttemptFinishedReport>(&changed)) {
      pass_as_current(*finished);
    }
  }
  if (world_.options.mutation == Mutation::kAcknowledgeUnread) {
    if (const auto* finished = std::get_if<core::AttemptFinishedReport>(&changed);
        finished != nullptr && world_.random.below(10) == 0) {
      world_.send_to_agent(finished->agent,
                           core::Acknowledge{finished->attempt, core::AcknowledgedReport::kFinished, 0});
      return core::Tick{};
    }
  }
  return changed;
}

}  // namespace luthier::simulation
