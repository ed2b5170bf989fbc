// The controller's machine: bytes choose what arrives and in which order, however absurd. Every journaled event goes
// through JSON into a second state, which must end with the same hash, and no invariant may break.
#include "controller/core/core.h"
#include "controller/core/invariants.h"
#include "tests/fuzz/fuzz.h"

namespace luthier::core {
namespace {

class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  // 0 at the end.
  int below(int bound) {
    if (bytes_.empty()) {
      return 0;
    }
    const int value = static_cast<unsigned char>(bytes_.front()) % bound;
    bytes_.remove_prefix(1);
    return value;
  }

 private:
  std::string_view bytes_;
};

class Machine {
 public:
  void feed(const Input& input) {
    for (const Effect& effect : step(state_, input, now_)) {
      const auto* journal = std::get_if<Journal>(&effect);
      if (journal == nullptr) {
        continue;
      }
      const auto event = event_from_json(event_name(journal->event), Json::parse(event_to_json(journal->event).dump()));
      LUTHIER_CHECK(event.has_value());
      apply(replayed_, *event, now_);
      checker_.on_event(journal->event);
    }
    checker_.on_state(state_);
    LUTHIER_CHECK(hash(replayed_) == hash(state_));
    for (const std::string& violation : checker_.violations()) {
      std::fprintf(stderr, "%s\n", violation.c_str());
    }
    LUTHIER_CHECK(checker_.violations().empty());
  }
  void advance(std::int64_t by_ms) {
    now_.wall_ms += by_ms;
    now_.monotonic_ms += by_ms;
  }

 private:
  State state_;
  State replayed_;
  InvariantChecker checker_;
  Now now_{1'700'000'000'000, 1'000};
};

plan::Step make_step(const std::string& id, const std::string& uses, std::vector<StepId> needs, Json with) {
  plan::Step step;
  step.id = StepId{id};
  step.name = id;
  step.uses = uses;
  step.needs = std::move(needs);
  step.with = std::move(with);
  return step;
}

plan::Plan make_plan(Bytes& bytes) {
  plan::Plan plan;
  plan.pipeline = "p";
  const int kind = bytes.below(4);
  plan.steps.push_back(make_step("train", kind == 0 ? "run" : "train", {}, {{"command", "true"}}));
  plan.steps.back().resources.gpus = bytes.below(3);
  plan.steps.back().retry.user = bytes.below(2);
  plan.steps.push_back(make_step("after", "run", {StepId{"train"}}, {{"x", "${{ steps.train.outputs.x }}"}}));
  if (kind == 2) {
    plan.steps.push_back(
        make_step("checkpoint", "checkpoint", {StepId{"train"}}, {{"from", "${{ steps.train.outputs.checkpoints }}"}}));
    plan.steps.back().place = plan::Place::kController;
  }
  if (kind == 3) {
    plan.steps.back().condition = "failure()";
  }
  return plan;
}

AttemptId make_attempt(Bytes& bytes) {
  static const char* const kSteps[] = {"train", "after", "checkpoint", "serve", "nothing"};
  const int run = bytes.below(5);
  return {RunId{run == 4 ? "d-1" : "r-" + std::to_string(run + 1)}, StepId{kSteps[bytes.below(5)]}, bytes.below(5)};
}

AgentId make_agent(Bytes& bytes) { return AgentId{"a-" + std::to_string(bytes.below(3) + 1)}; }

Input connect(Bytes& bytes) {
  AgentConnected agent{.agent = make_agent(bytes), .name = "node", .boot_id = bytes.below(2) == 0 ? "b1" : "b2"};
  agent.resources.cpus = 1 + bytes.below(3);
  for (int gpu = bytes.below(3); gpu > 0; --gpu) {
    agent.resources.gpus.push_back({.index = gpu});
  }
  for (int held = bytes.below(3); held > 0; --held) {
    agent.held.push_back({make_attempt(bytes), static_cast<HeldState>(bytes.below(3))});
  }
  return agent;
}

Input finish(Bytes& bytes) {
  AttemptFinishedReport report{.attempt = make_attempt(bytes), .agent = make_agent(bytes)};
  report.outcome = static_cast<Outcome>(bytes.below(5));
  static const Json kOutputs[] = {Json::object(), {{"x", 1}}, nullptr, {{"model", {{"base", nullptr}}}}};
  report.outputs = kOutputs[bytes.below(4)];
  return report;
}

Input offer(Bytes& bytes) {
  CheckpointOfferedReport report{.attempt = make_attempt(bytes), .agent = make_agent(bytes)};
  report.checkpoint.step = bytes.below(4) - 1;
  report.checkpoint.artifact = "sha256:c";
  report.checkpoint.model = "sha256:w";
  report.checkpoint.model_kind = bytes.below(2) == 0 ? "adapter" : "model";
  report.checkpoint.metrics = bytes.below(2) == 0 ? Json::object() : Json{{"valid_loss", "high"}};
  return report;
}

Input next_input(Bytes& bytes) {
  switch (bytes.below(14)) {
    case 0: return Boot{.epoch = static_cast<std::uint64_t>(bytes.below(9)), .seed = 1};
    case 1:
      return SubmitRun{.request = 1, .plan = make_plan(bytes), .yaml = "y", .file_name = "f", .submitted_by = "m"};
    case 2: return CancelRun{.request = 2, .run = make_attempt(bytes).run, .by = "m"};
    case 3: return connect(bytes);
    case 4: return AgentSilent{.agent = make_agent(bytes), .reason = "silent"};
    case 5: return AttemptStartedReport{.attempt = make_attempt(bytes), .agent = make_agent(bytes), .pid = 1};
    case 6: return AttemptReadyReport{.attempt = make_attempt(bytes), .agent = make_agent(bytes)};
    case 7: return offer(bytes);
    case 8: return finish(bytes);
    case 9: return AllocationReleasedReport{.attempt = make_attempt(bytes), .agent = make_agent(bytes)};
    case 10: return RegisterModel{.request = 3, .model = "m", .weights = {"sha256:b", ""}};
    case 11:
      return MoveAlias{.request = 4, .model = "m", .alias = "production", .to_version = bytes.below(4), .by = "m"};
    case 12: {
      const AttemptId at = make_attempt(bytes);
      return DecideApproval{
          .request = 6, .run = at.run, .step = at.step, .approved = bytes.below(2) == 0, .by = "m", .comment = "c"};
    }
    default: return UseModel{.request = 5, .model = bytes.below(2) == 0 ? "m" : "m@production"};
  }
}

}  // namespace
}  // namespace luthier::core

void luthier::fuzz::one_input(std::string_view bytes_of_input) {
  core::Bytes bytes(bytes_of_input.substr(0, 2'000));
  core::Machine machine;
  machine.feed(core::Boot{.epoch = 1, .seed = 42});
  while (!bytes.at_end()) {
    machine.feed(core::next_input(bytes));
    machine.advance(bytes.below(4) * 40'000);
    machine.feed(core::Tick{});
  }
}
