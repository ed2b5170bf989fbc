#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core {
namespace internal {

void Turn::record(Event event) {
  apply(state, event, now);
  effects.push_back(Journal{std::move(event)});
}

void Turn::reply(RequestId request, Json value) {
  if (request != 0) {
    effects.push_back(Reply{.request = request, .ok = true, .value = std::move(value), .error = {}});
  }
}

void Turn::refuse(RequestId request, Error error) {
  if (request != 0) {
    effects.push_back(Reply{.request = request, .ok = false, .value = {}, .error = std::move(error)});
  }
}

void on(Turn& turn, const Boot& input) { turn.record(ControllerStarted{input.epoch, input.seed, input.numbers_lost}); }
void on(Turn& turn, const StorageReport& input) {
  if (input.low.empty() != turn.state.storage_low.empty()) {  // other numbers are no news
    turn.record(StorageChanged{input.low});
  }
}
void on(Turn&, const Tick&) {}  // settle() does what is due

namespace {

// What is due by itself, whichever input came.
void settle(Turn& turn) {
  stop_idle_deployments(turn);
  settle_drains(turn);
  end_overdue_approvals(turn);
  while (!turn.touched.empty()) {
    const RunId run = *turn.touched.begin();
    turn.touched.erase(turn.touched.begin());
    advance_run(turn, run);
    turn.touched.erase(run);  // advance_run() has seen what its own steps changed
  }
  schedule(turn);
  tell_of_waiting(turn);
}

// The earliest time at which something becomes due; 0: none.
std::int64_t next_wake_ms(const State& state, Now now) {
  std::int64_t next = next_idle_wall_ms(state);
  const auto consider = [&next, now](std::int64_t at_wall_ms) {
    if (at_wall_ms > now.wall_ms) {
      next = next == 0 ? at_wall_ms : std::min(next, at_wall_ms);
    }
  };
  consider(next_drain_wall_ms(state));
  consider(state.queue.next_due_after(now.wall_ms));
  consider(state.queue.next_notice_wall_ms());
  consider(state.queue.next_approval_wall_ms());
  for (const auto& [id, deployment] : state.deployments) {
    if (deployment.serve.status == StepStatus::kReady) {
      consider(deployment.serve.not_before_wall_ms);
    }
  }
  return next;
}

}  // namespace
}  // namespace internal

std::vector<Effect> step(State& state, const Input& input, Now now) {
  internal::Turn turn{.state = state, .now = now};
  std::visit([&turn](const auto& value) { internal::on(turn, value); }, input);
  internal::settle(turn);
  if (const auto* use = std::get_if<UseModel>(&input)) {
    internal::reply_use(turn, *use);
  }
  if (const std::int64_t wake = internal::next_wake_ms(state, now); wake != 0) {
    turn.effects.push_back(WakeAt{wake});
  }
  return std::move(turn.effects);
}

}  // namespace luthier::core
