#include "tests/simulation/clients.h"

#include "tests/simulation/controller_node.h"
#include "tests/simulation/random_plan.h"
#include "tests/simulation/world.h"

namespace luthier::simulation {

void Clients::ask_later(std::int64_t at_ms, const core::Input& input) {
  world_.clock.at(at_ms, [this, input] { world_.controller().feed(input); });
}

void Clients::schedule() {
  const bool long_world = world_.options.mode == Mode::kSafety;
  const std::int64_t latest_ms = long_world ? 180'000 : 40'000;
  const int runs = (long_world ? 4 : 2) + static_cast<int>(world_.random.below(3));
  std::vector<plan::Plan> plans;
  for (int i = 1; i <= runs; ++i) {
    // Some say again what was said before: its steps may find their outputs in the cache.
    const bool again = !plans.empty() && world_.random.below(3) == 0;
    plans.push_back(again ? plans[world_.random.below(plans.size())] : random_plan(world_.random, i));
    const std::int64_t at_ms = world_.between(100, latest_ms);
    submissions_.insert(next_request_);
    ask_later(at_ms,
              core::SubmitRun{.request = next_request_++, .plan = plans.back(), .yaml = "", .file_name = "p.yaml"});
    if (world_.random.below(4) == 0) {
      cancels_.insert(next_request_);
      ask_later(at_ms + world_.between(0, 30'000),
                core::CancelRun{.request = next_request_++, .run = RunId{"r-" + std::to_string(i)}, .by = "someone"});
    }
  }
  ask_later(50, core::RegisterModel{.request = next_request_++, .model = "tiny", .weights = {.base = "sha256:tiny"}});
  const int uses = static_cast<int>(world_.random.below(4));
  for (int i = 0; i < uses; ++i) {
    ask_later(world_.between(1'000, 80'000),
              core::UseModel{.request = next_request_++, .model = i == 0 ? "p0" : "tiny"});
  }
}

void Clients::submit(core::SubmitRun wanted) {
  submissions_.insert(next_request_);
  wanted.request = next_request_++;
  world_.controller().feed(wanted);
}

void Clients::on_reply(const core::Reply& reply) {
  if (reply.ok && submissions_.contains(reply.request)) {
    promised_.insert(RunId{reply.value.at("run").get<std::string>()});
  } else if (reply.ok && cancels_.contains(reply.request)) {
    cancelled_.insert(RunId{reply.value.at("run").get<std::string>()});
  } else if (const auto decision = decisions_.find(reply.request); reply.ok && decision != decisions_.end()) {
    heard_.insert(decision->second);
  }
}

void Clients::decide(const Approval& approval, bool approved) {
  if (!waiting_.contains(approval)) {
    return;
  }
  decisions_.emplace(next_request_, std::pair{approval, approved});
  world_.controller().feed(core::DecideApproval{.request = next_request_++,
                                                .run = approval.first,
                                                .step = approval.second,
                                                .approved = approved,
                                                .by = world_.chance(200) ? "eve" : "anna",
                                                .comment = "so be it"});
  world_.clock.after(world_.between(100, 15'000), [this, approval, approved] { decide(approval, approved); });
}

void Clients::watch_approvals(const core::Event& event) {
  if (const auto* submitted = std::get_if<core::RunSubmitted>(&event)) {
    for (const plan::Step& step : submitted->plan.steps) {
      if (step.uses == "approve") {
        approvals_[{submitted->run, step.id}] = step.timeout.count();
      }
    }
  } else if (const auto* ready = std::get_if<core::StepReady>(&event)) {
    const Approval approval{ready->run, ready->step};
    if (const auto found = approvals_.find(approval); found != approvals_.end()) {
      waiting_.insert(approval);
      if (found->second == 0 || !world_.chance(400)) {  // the others let the time pass
        const bool approved = !world_.chance(250);
        world_.clock.after(world_.between(100, 30'000), [this, approval, approved] { decide(approval, approved); });
      }
    }
  } else if (const auto* decided = std::get_if<core::ApprovalDecided>(&event)) {
    decided_.emplace(Approval{decided->run, decided->step}, decided->approved);
    waiting_.erase({decided->run, decided->step});
  } else if (const auto* failed = std::get_if<core::StepFailed>(&event)) {
    waiting_.erase({failed->run, failed->step});
  } else if (const auto* cancelled = std::get_if<core::StepCancelled>(&event)) {
    waiting_.erase({cancelled->run, cancelled->step});
  }
}

void Clients::on_event(const core::Event& event) {
  watch_approvals(event);
  if (const auto* submitted = std::get_if<core::RunSubmitted>(&event)) {
    submitted_.insert(submitted->run);
  } else if (const auto* finished = std::get_if<core::RunFinished>(&event)) {
    if (!ended_.emplace(finished->run, finished->status).second) {
      world_.violate("invariant 1: run " + finished->run.value + " ended twice");
    }
  }
}

void Clients::check_end(bool all_is_over) {
  for (const RunId& run : promised_) {
    if (!submitted_.contains(run)) {
      world_.violate("invariant 1: run " + run.value + " was accepted, but the journal does not know it");
    } else if (all_is_over && !ended_.contains(run)) {
      world_.violate("invariant 12: run " + run.value + " was accepted and never ended");
    }
  }
  for (const auto& [approval, approved] : heard_) {
    const auto decided = decided_.find(approval);
    if (decided == decided_.end() || decided->second != approved) {
      world_.violate("rule: a person's word on " + approval.first.value + "/" + approval.second.value +
                     " was confirmed, but the journal does not have it");
    }
  }
  for (const RunId& run : cancelled_) {
    const auto end = ended_.find(run);
    if (end == ended_.end() ? all_is_over : end->second != core::RunStatus::kCancelled) {
      world_.violate("invariant 1: the cancel of run " + run.value + " was confirmed, but it went on");
    }
  }
}

}  // namespace luthier::simulation
