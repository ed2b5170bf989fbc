#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

const std::pair<const RunId, Deployment>* find_deployment(const State& state, const ModelWeights& weights) {
  for (const auto& each : state.deployments) {
    if (each.second.weights == weights) {
      return &each;
    }
  }
  return nullptr;
}

std::int64_t idle_after_ms(const Options& options) {
  return (options.serving_idle + options.serving_use_resolution).count();
}

}  // namespace

// Finds or makes the deployment of the model's weights. Uses are journaled at most once per serving_use_resolution
// (as DeploymentRequested again), so that chatting does not fill the journal; a deployment is idle only when the
// newest journaled use is older than the idle time and that resolution together.
void on(Turn& turn, const UseModel& input) {
  const Result<ResolvedModel> model = resolve_model(turn.state, input.model, "");
  if (!model) {
    return;  // reply_use() says so
  }
  const auto* found = find_deployment(turn.state, model->weights);
  if (found == nullptr) {
    const RunId id{"d-" + std::to_string(turn.state.next_deployment)};
    turn.record(DeploymentRequested{id, input.model, model->weights});
  } else if (turn.now.wall_ms - found->second.used_wall_ms >= turn.state.options.serving_use_resolution.count()) {
    turn.record(DeploymentRequested{found->first, input.model, model->weights});
  }
}

void reply_use(Turn& turn, const UseModel& input) {
  const Result<ResolvedModel> model = resolve_model(turn.state, input.model, "");
  if (!model) {
    return turn.refuse(input.request, model.error());
  }
  const auto* found = find_deployment(turn.state, model->weights);
  LUTHIER_CHECK(found != nullptr);
  const auto& [id, deployment] = *found;
  const LiveStep& serve = deployment.serve;
  if (serve.status == StepStatus::kFailed) {
    turn.refuse(input.request,
                {ErrorCode::kUnavailable, "'" + input.model + "' could not be served: " + serve.reason +
                                              "; its log: luthier logs " + id.value + "; ask again to try once more"});
    turn.record(DeploymentStopped{RunId{id}, "failed"});
    return;
  }
  const bool placed = serve.status == StepStatus::kAssigned || serve.status == StepStatus::kRunning;
  turn.reply(input.request, Json{{"deployment", id.value},
                                 {"attempt", serve.attempt_number},
                                 {"agent", placed ? serve.attempt.agent.value : ""},
                                 {"status", placed && serve.attempt.ready ? "ready" : "starting"},
                                 {"reason", waiting_reason(turn.state, id, serve_step(), turn.now)}});
}

// A use that lies in the future says that the wall clock was set back: the idle time begins anew by the new clock.
void restart_idle_clocks(Turn& turn) {
  std::vector<std::pair<RunId, Deployment>> ahead;
  for (const auto& [id, deployment] : turn.state.deployments) {
    if (deployment.used_wall_ms - turn.now.wall_ms > turn.state.options.serving_use_resolution.count()) {
      ahead.emplace_back(id, deployment);
    }
  }
  for (const auto& [id, deployment] : ahead) {
    turn.record(DeploymentRequested{id, deployment.model, deployment.weights});
  }
}

void stop_idle_deployments(Turn& turn) {
  restart_idle_clocks(turn);
  std::vector<RunId> idle;
  for (const auto& [id, deployment] : turn.state.deployments) {
    if (turn.now.wall_ms - deployment.used_wall_ms >= idle_after_ms(turn.state.options)) {
      idle.push_back(id);
    }
  }
  for (const RunId& id : idle) {
    stop_attempt(turn, id, serve_step(), StopReason::kIdle);
    turn.record(DeploymentStopped{id, "idle"});
  }
}

std::int64_t next_idle_wall_ms(const State& state) {
  std::int64_t next = 0;
  for (const auto& [id, deployment] : state.deployments) {
    const std::int64_t at = deployment.used_wall_ms + idle_after_ms(state.options);
    next = next == 0 ? at : std::min(next, at);
  }
  return next;
}

}  // namespace luthier::core::internal
