// Invariant 9, the outbox's half: each fact that people are told of has exactly one row in its transaction.
#include "controller/core/invariants.h"

namespace luthier::core {
namespace {

using Told = std::map<std::string, int>;  // "step.failed r-1/train" -> rows expected minus rows written

std::string about(const std::string& name, const RunId& run, const StepId& step) {
  return name + " " + run.value + "/" + step.value;
}

struct Expect {
  Told& told;

  void expect(const std::string& key) const { ++told[key]; }
  void step(const std::string& name, const RunId& run, const StepId& step_id) const {
    if (!is_deployment(run)) {
      expect(about(name, run, step_id));
    }
  }
  void operator()(const RunSubmitted& e) const { expect("run.queued " + e.run.value); }
  void operator()(const RunFinished& e) const { expect("run." + to_string(e.status) + " " + e.run.value); }
  void operator()(const StepSucceeded& e) const { step("step.succeeded", e.run, e.step); }
  void operator()(const StepFailed& e) const { step("step.failed", e.run, e.step); }
  void operator()(const StepRetrying& e) const { step("step.retried", e.run, e.step); }
  void operator()(const StepRepeated& e) const { step("step.retried", e.run, e.step); }
  void operator()(const StepWaiting& e) const { step("step.waiting", e.run, e.step); }
  void operator()(const CheckpointCommitted& e) const { step("checkpoint.created", e.attempt.run, e.attempt.step); }
  void operator()(const ApprovalDecided& e) const { expect(about("approval.decided", e.run, e.step)); }
  void operator()(const AgentLost& e) const { expect("agent.lost " + e.agent.value); }
  void operator()(const ModelRegistered& e) const {
    expect("model.registered " + e.model + "@" + std::to_string(e.version));
  }
  void operator()(const AliasMoved& e) const {
    expect((e.rollback || e.to_version < e.from_version ? "model.rolled_back " : "model.promoted ") + e.model + "@" +
           std::to_string(e.to_version));
  }
  void operator()(const ModelDeleted& e) const { expect("model.deleted " + e.model + "@" + std::to_string(e.version)); }
  void operator()(const auto&) const {}  // not published, or not always
};

void take_row(Told& told, const Publish& row) {
  const std::string run = row.payload.value("run", "");
  const std::string step = row.payload.value("step", "");
  if (row.name == "agent.lost") {
    --told[row.name + " " + row.payload.value("agent", "")];
  } else if (row.name.starts_with("model.")) {
    --told[row.name + " " + row.payload.value("model", "") + "@" + std::to_string(row.payload.value("version", 0))];
  } else if (row.name == "run.queued" || row.name == "run.succeeded" || row.name == "run.failed" ||
             row.name == "run.cancelled") {
    --told[row.name + " " + run];
  } else if (row.name == "checkpoint.created" || row.name == "approval.decided" ||
             (row.name.starts_with("step.") && row.name != "step.started")) {
    --told[about(row.name, RunId{run}, StepId{step})];
  }
}

}  // namespace

void InvariantChecker::on_effects(const std::vector<Effect>& effects) {
  Told told;
  for (const Effect& effect : effects) {
    if (const auto* journal = std::get_if<Journal>(&effect)) {
      std::visit(Expect{told}, journal->event);
    } else if (const auto* row = std::get_if<Publish>(&effect)) {
      take_row(told, *row);
    }
  }
  for (const auto& [what, missing] : told) {
    if (missing != 0) {
      violate(9, what + (missing > 0 ? " happened, but no outbox row says so" : " has an outbox row too many"));
    }
  }
}

}  // namespace luthier::core
