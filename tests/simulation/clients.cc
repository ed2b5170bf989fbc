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
  for (int i = 1; i <= runs; ++i) {
    const std::int64_t at_ms = world_.between(100, latest_ms);
    submissions_.insert(next_request_);
    ask_later(
        at_ms,
        core::SubmitRun{
            .request = next_request_++, .plan = random_plan(world_.random, i), .yaml = "", .file_name = "p.yaml"});
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

void Clients::on_reply(const core::Reply& reply) {
  if (reply.ok && submissions_.contains(reply.request)) {
    promised_.insert(RunId{reply.value.at("run").get<std::string>()});
  } else if (reply.ok && cancels_.contains(reply.request)) {
    cancelled_.insert(RunId{reply.value.at("run").get<std::string>()});
  }
}

void Clients::on_event(const core::Event& event) {
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
  for (const RunId& run : cancelled_) {
    const auto end = ended_.find(run);
    if (end == ended_.end() ? all_is_over : end->second != core::RunStatus::kCancelled) {
      world_.violate("invariant 1: the cancel of run " + run.value + " was confirmed, but it went on");
    }
  }
}

}  // namespace luthier::simulation
