#include "tests/controller/store/history.h"

namespace luthier::store {

using core::Json;

std::vector<core::Event> History::next() {
  switch (random_.below(8)) {
    case 0: return {change_agents()};
    case 1: return change_models();
    case 2: return {submit_run()};
    default: return move_attempt();
  }
}

// Quotes, control bytes and letters of several scripts: what people put into names and messages.
std::string History::text() {
  static const std::vector<std::string> kParts{"a", "'",  "\"", "\\",     "\n",
                                               "é", "漢", "%",  "; DROP", std::string(1, '\0')};
  std::string made;
  for (std::uint64_t i = random_.below(6); i > 0; --i) {
    made += kParts[random_.below(kParts.size())];
  }
  return made;
}

core::Event History::submit_run() {
  const RunId run{"r-" + std::to_string(++runs_)};
  plan::Plan plan{.pipeline = "pipeline " + text(), .commit = text(), .params = {{"p", text()}}, .steps = {}};
  const int steps = static_cast<int>(1 + random_.below(4));
  for (int i = 0; i < steps; ++i) {
    plan::Step step;
    step.id = StepId{"s" + std::to_string(i)};
    step.name = step.id.value;
    step.uses = "run";
    step.with = {{"command", text()}};
    if (i > 0) {
      step.needs = {StepId{"s" + std::to_string(random_.below(static_cast<std::uint64_t>(i)))}};
    }
    plan.steps.push_back(step);
    attempts_.push_back({AttemptId{run, step.id, 0}, false, true});
  }
  return core::RunSubmitted{run, plan, "name: " + text(), "a.yaml", text()};
}

std::vector<core::Event> History::move_attempt() {
  if (attempts_.empty()) {
    return {submit_run()};
  }
  const std::size_t chosen = random_.below(attempts_.size());
  Attempt& attempt = attempts_[chosen];
  if (!attempt.ended && !attempt.started) {
    attempt.started = true;
    return {core::AttemptStarted{attempt.id, static_cast<std::int64_t>(random_.below(30'000))}};
  }
  if (!attempt.ended && random_.below(2) == 0) {
    const auto step = static_cast<std::int64_t>(random_.below(100));
    const Json metrics{{"loss", random_.uniform()}};
    return {core::CheckpointCommitted{attempt.id, {step, "sha256:c", "sha256:m", "adapter", metrics}}};
  }
  if (!attempt.ended) {
    return end_attempt(attempt);
  }
  std::vector<core::Event> events;
  if (attempt.id.number > 0) {
    events.push_back(core::AllocationReleased{attempt.id});
  }
  if (attempt.started && attempt.id.number > 0 && random_.below(2) == 0) {
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(chosen));
    return events;
  }
  events.push_back(core::StepReady{attempt.id.run, attempt.id.step, {{"n", random_.next()}}});
  attempt = Attempt{{attempt.id.run, attempt.id.step, attempt.id.number + 1}, false, false};
  core::AttemptAssigned assigned{attempt.id, {AgentId{"a-1"}, 1.5, 1u << 30, {0, 1}}, "", 0};
  if (random_.below(2) == 0) {
    assigned.resume_artifact = "sha256:c";
    assigned.resume_step = 50;
  }
  events.push_back(assigned);
  return events;
}

std::vector<core::Event> History::end_attempt(Attempt& attempt) {
  attempt.ended = true;
  const RunId run = attempt.id.run;
  const StepId step = attempt.id.step;
  const auto outcome = static_cast<core::Outcome>(random_.below(5));
  std::vector<core::Event> events{core::AttemptEnded{attempt.id, outcome, static_cast<int>(random_.below(256)),
                                                     static_cast<int>(random_.below(32)), text(), text()}};
  switch (random_.below(4)) {
    case 0: events.push_back(core::StepSucceeded{run, step, {{"out", text()}, {"x", random_.uniform()}}}); break;
    case 1: events.push_back(core::StepFailed{run, step, text(), text()}); break;
    case 2: events.push_back(core::StepRetrying{run, step, outcome, 1'700'000'000'000}); break;
    default:
      events.push_back(core::CancelRequested{run, text()});
      events.push_back(core::StepCancelled{run, step});
      events.push_back(core::RunFinished{run, core::RunStatus::kCancelled});
  }
  return events;
}

std::vector<core::Event> History::change_models() {
  const std::string model = "m" + std::to_string(random_.below(3));
  int& versions = model_versions_[model];
  if (versions == 0 || random_.below(2) == 0) {
    return {core::ModelRegistered{model,
                                  ++versions,
                                  {"sha256:b", random_.below(2) == 0 ? "" : "sha256:a"},
                                  {{"run", "r-1"}},
                                  {{"accuracy", random_.uniform()}},
                                  text()}};
  }
  const int to = static_cast<int>(1 + random_.below(static_cast<std::uint64_t>(versions)));
  return {core::AliasMoved{model, "production", 0, to, text(), text()}};
}

core::Event History::change_agents() {
  if (agents_ == 0 || random_.below(2) == 0) {
    const std::string number = std::to_string(1 + random_.below(static_cast<std::uint64_t>(++agents_)));
    const core::AgentResources resources{4.0, std::uint64_t{1} << 40, {{0, "GPU", "uuid", 8}}, "cpu"};
    return core::AgentJoined{AgentId{"a-" + number}, text(), "boot", resources};
  }
  return core::AgentLost{AgentId{"a-1"}, text()};
}

}  // namespace luthier::store
