#include "controller/live_invariants.h"

namespace luthier::controller {
namespace {

constexpr std::int64_t kReasonsEveryMs = 5'000;  // they cost a walk over every live step

}  // namespace

void LiveInvariants::on_commit(const store::Batch& batch, const core::State& state, Now now) {
  for (const store::JournalRecord& record : batch.records) {
    checker_.on_event(record.event, record.now);
  }
  if (!batch.records.empty()) {
    checker_.on_state(state);
  }
  if (now.monotonic_ms - reasons_monotonic_ms_ >= kReasonsEveryMs) {
    reasons_monotonic_ms_ = now.monotonic_ms;
    // A pause may have ended since the steps ran; the tick for it comes next. As of then, what is said must be true.
    const Now then = batch.records.empty() ? now : batch.records.back().now;
    checker_.on_reasons(
        [&](const RunId& run, const StepId& step) { return core::waiting_reason(state, run, step, then); }, then,
        false);
  }
  for (const std::string& violation : checker_.violations()) {
    log_.error("invariant_violated", {{"what", violation}});
  }
  checker_.clear_violations();
}

}  // namespace luthier::controller
