#include <algorithm>
#include <cmath>
#include <cstdio>

#include "controller/core/internal.h"

namespace luthier::core {
namespace {

using internal::FreeResources;
using internal::join;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string gibibytes(std::uint64_t bytes) {
  return number(static_cast<double>(bytes) / (1024.0 * 1024 * 1024)) + " GiB";
}

std::string wanted_text(const plan::Resources& wanted) {
  std::vector<std::string> parts;
  if (wanted.gpus > 0) {
    parts.push_back(std::to_string(wanted.gpus) + (wanted.gpus == 1 ? " free GPU" : " free GPUs"));
  }
  if (wanted.cpus > 0) {
    parts.push_back(number(wanted.cpus) + (wanted.cpus == 1 ? " free CPU" : " free CPUs"));
  }
  if (wanted.memory_bytes > 0) {
    parts.push_back(gibibytes(wanted.memory_bytes) + " of free memory");
  }
  return join(parts, " and ");
}

std::string offer_text(const AgentId& id, const Agent& agent, const FreeResources& free,
                       const plan::Resources& wanted) {
  std::vector<std::string> parts;
  if (wanted.gpus > 0) {
    parts.push_back(std::to_string(free.gpus.size()) + " of " + std::to_string(agent.resources.gpus.size()) + " GPUs");
  }
  parts.push_back(number(std::max(0.0, free.cpus)) + " of " + number(agent.resources.cpus) + " CPUs");
  if (wanted.memory_bytes > 0) {
    parts.push_back(gibibytes(free.memory_bytes) + " of " + gibibytes(agent.resources.memory_bytes));
  }
  return id.value + " has " + join(parts, " and ") + " free";
}

// Why no agent takes a step that is ready and due.
std::string no_room(const State& state, const plan::Resources& wanted) {
  std::vector<std::string> offers;
  std::vector<std::string> absent;
  bool large_enough = false;
  const std::map<AgentId, FreeResources> free = internal::free_resources(state);
  for (const auto& [id, agent] : state.agents) {
    if (agent.status != AgentStatus::kConnected) {
      absent.push_back(id.value);
      continue;
    }
    FreeResources all{.cpus = agent.resources.cpus, .memory_bytes = agent.resources.memory_bytes};
    all.gpus.resize(agent.resources.gpus.size());
    large_enough = large_enough || internal::fits(all, wanted);
    offers.push_back(offer_text(id, agent, free.at(id), wanted));
  }
  if (offers.empty()) {
    return absent.empty() ? "waits for an agent: none has joined yet; start one with luthier-agent"
                          : "waits for an agent: " + join(absent, " and ") +
                                (absent.size() == 1 ? " is not connected" : " are not connected");
  }
  const std::string room = "no agent has " + wanted_text(wanted) + ": " + join(offers, ", ");
  return large_enough ? room : room + "; none is large enough, even when idle";
}

constexpr std::size_t kNamesMax = 5;  // in one sentence

std::string waiting_for_needs(const LiveRun& run, const plan::Step& step) {
  std::vector<std::string> open;
  for (const StepId& need : step.needs) {
    if (!is_terminal(run.steps.at(need).status)) {
      open.push_back(need.value);
    }
  }
  if (const std::size_t count = open.size(); count > kNamesMax + 1) {
    open.resize(kNamesMax);
    open.push_back(std::to_string(count - kNamesMax) + " more");
  }
  return "waits for " + join(open, " and ");
}

std::string seconds_until(std::int64_t at_ms, Now now) {
  return std::to_string(std::max<std::int64_t>(1, (at_ms - now.wall_ms + 999) / 1000)) + " s";
}

std::string ready_reason(const State& state, const RunId& run, const StepId& id, const LiveStep& live, Now now) {
  if (!internal::is_due(live, internal::retry_of(state, run, id), now)) {
    return "tries again in " + seconds_until(live.not_before_wall_ms, now) + ", because " + live.reason;
  }
  if (!state.storage_low.empty()) {
    return "waits for room on the controller's disk: " + state.storage_low;
  }
  const plan::Step* step = internal::find_plan_step(state, run, id);
  const plan::Resources serving{.nodes = 1, .gpus = 0, .cpus = 0, .memory_bytes = 0};
  return no_room(state, step == nullptr ? serving : step->resources);
}

std::string placed_reason(const State& state, const LiveStep& live) {
  const std::string agent = live.attempt.agent.value;
  const auto found = state.agents.find(live.attempt.agent);
  const bool away = found == state.agents.end() || found->second.status != AgentStatus::kConnected;
  if (away) {
    return (live.attempt.started ? "runs on " : "was given to ") + agent +
           ", which has not come back yet since the controller started";
  }
  if (live.attempt.started) {
    return "runs on " + agent + ", attempt " + std::to_string(live.attempt_number);
  }
  return "was given to " + agent + ", which prepares its inputs";
}

}  // namespace

std::string waiting_reason(const State& state, const RunId& run, const StepId& step, Now now) {
  const LiveStep* live = find_step(state, run, step);
  if (live == nullptr) {
    return {};
  }
  switch (live->status) {
    case StepStatus::kWaiting:
      return waiting_for_needs(state.runs.at(run), *internal::find_plan_step(state, run, step));
    case StepStatus::kReady: return ready_reason(state, run, step, *live, now);
    case StepStatus::kAssigned:
    case StepStatus::kRunning: return placed_reason(state, *live);
    case StepStatus::kSucceeded:
    case StepStatus::kFailed:
    case StepStatus::kCancelled:
    case StepStatus::kSkipped: return {};
  }
  LUTHIER_CHECK(false);
}

}  // namespace luthier::core
