#include <algorithm>
#include <cmath>
#include <cstdio>

#include "controller/core/internal.h"

namespace luthier::core {
namespace {

using internal::FreeResources;
using internal::join;
using internal::takes_work;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string gibibytes(std::uint64_t bytes) {
  return number(static_cast<double>(bytes) / (1024.0 * 1024 * 1024)) + " GiB";
}

std::string labels_text(const Labels& labels) {
  std::vector<std::string> parts;
  for (const auto& [key, value] : labels) {
    parts.push_back(key + "=" + value);
  }
  return join(parts, " and ");
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
  return join(parts, " and ") + (wanted.labels.empty() ? "" : " with " + labels_text(wanted.labels));
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

// "a-1 and a-2 are not connected"; empty for none.
std::string absent_text(const std::vector<std::string>& agents, const std::string& what) {
  return agents.empty() ? "" : join(agents, " and ") + (agents.size() == 1 ? " is " : " are ") + what;
}

// Why no agents take a gang.
std::string no_gang(const plan::Resources& wanted, int with_room, int large_enough, const std::string& offers) {
  if (with_room >= wanted.nodes) {
    return "waits for a rendezvous port: no agent with room has a free one; see luthier-agent --rendezvous-ports";
  }
  std::string text = "only " + std::to_string(with_room) + " of the " + std::to_string(wanted.nodes) +
                     " agents that it needs " + (with_room == 1 ? "has " : "have ") + wanted_text(wanted) + ": " +
                     offers;
  if (large_enough < wanted.nodes) {
    text += "; only " + std::to_string(large_enough) + (large_enough == 1 ? " is" : " are") +
            " large enough, even when idle";
  }
  return text;
}

// Why no agent takes a step that is ready and due. What is asked before the scheduler had its turn, such as a model
// that was wanted a moment ago, may find that an agent has room.
std::string no_room(const State& state, const plan::Resources& wanted) {
  std::vector<std::string> offers;
  std::vector<std::string> away;
  std::vector<std::string> draining;
  std::vector<std::string> cordoned;
  std::vector<std::string> unlike;
  int large_enough = 0;
  int with_room = 0;
  const std::map<AgentId, FreeResources> free = internal::free_resources(state);
  for (const auto& [id, agent] : state.agents) {
    if (agent.status != AgentStatus::kConnected) {
      away.push_back(id.value);
      continue;
    }
    if (!takes_work(agent)) {
      (agent.draining ? draining : cordoned).push_back(id.value);
      continue;
    }
    if (!internal::has_labels(agent, wanted.labels)) {
      unlike.push_back(id.value);
      continue;
    }
    FreeResources all{.cpus = agent.resources.cpus, .memory_bytes = agent.resources.memory_bytes};
    all.gpus.resize(agent.resources.gpus.size());
    large_enough += internal::fits(all, wanted) ? 1 : 0;
    with_room += internal::fits(free.at(id), wanted) ? 1 : 0;
    offers.push_back(offer_text(id, agent, free.at(id), wanted));
  }
  if (offers.empty()) {
    std::vector<std::string> absent;
    for (const auto& [agents, what] :
         {std::pair(&away, std::string("not connected")), std::pair(&draining, std::string("being drained")),
          std::pair(&cordoned, std::string("cordoned")),
          std::pair(&unlike, (wanted.labels.size() > 1 ? "without the labels " : "without the label ") +
                                 labels_text(wanted.labels))}) {
      if (!agents->empty()) {
        absent.push_back(absent_text(*agents, what));
      }
    }
    return absent.empty() ? "waits for an agent: none has joined yet; start one with luthier-agent"
                          : "waits for an agent: " + join(absent, ", ");
  }
  if (wanted.nodes > 1) {
    return no_gang(wanted, with_room, large_enough, join(offers, ", "));
  }
  if (with_room > 0) {
    return "is about to be given to an agent";
  }
  const std::string room = "no agent has " + wanted_text(wanted) + ": " + join(offers, ", ");
  return large_enough > 0 ? room : room + "; none is large enough, even when idle";
}

constexpr std::size_t kNamesMax = 5;  // in one sentence

std::string join_few(std::vector<std::string> names) {
  if (const std::size_t count = names.size(); count > kNamesMax + 1) {
    names.resize(kNamesMax);
    names.push_back(std::to_string(count - kNamesMax) + " more");
  }
  return join(names, " and ");
}

std::string waiting_for_needs(const LiveRun& run, const plan::Step& step) {
  std::vector<std::string> open;
  for (const StepId& need : step.needs) {
    if (!is_terminal(run.steps.at(need).status)) {
      open.push_back(need.value);
    }
  }
  return "waits for " + join_few(std::move(open));
}

// Of a member of a matrix of which as many run as may; else empty.
std::string turn_reason(const LiveRun& run, const plan::Step& step) {
  std::vector<std::string> ahead;
  for (const StepId& member : internal::members_ahead(run, step)) {
    ahead.push_back(member.value);
  }
  if (ahead.empty()) {
    return {};
  }
  return "waits for its turn: max_parallel of '" + step.name + "' is " + std::to_string(step.max_parallel) + ", and " +
         join_few(std::move(ahead)) + (step.max_parallel == 1 ? " runs" : " run");
}

std::string names_of(const std::vector<AgentId>& agents) {
  std::vector<std::string> names;
  for (const AgentId& agent : agents) {
    names.push_back(agent.value);
  }
  return join(names, " and ");
}

std::string seconds_until(std::int64_t at_ms, Now now) {
  return std::to_string(std::max<std::int64_t>(1, (at_ms - now.wall_ms + 999) / 1000)) + " s";
}

std::string ready_reason(const State& state, const RunId& run, const StepId& id, const LiveStep& live, Now now) {
  if (const plan::Step* planned = internal::find_plan_step(state, run, id);
      planned != nullptr && internal::waits_for_approval(*planned, live)) {
    return internal::approval_reason(run, *planned, live);
  }
  if (!internal::is_due(live, internal::retry_of(state, run, id), now)) {
    return "tries again in " + seconds_until(live.not_before_wall_ms, now) + ", because " + live.reason;
  }
  if (!state.storage_low.empty()) {
    return "waits for room on the controller's disk: " + state.storage_low;
  }
  const plan::Step* step = internal::find_plan_step(state, run, id);
  if (step != nullptr) {
    if (const std::string text = turn_reason(state.runs.at(run), *step); !text.empty()) {
      return text;
    }
  }
  const plan::Resources serving{.nodes = 1, .gpus = 0, .cpus = 0, .memory_bytes = 0};
  if (step != nullptr && step->exclusive && step->resources.nodes > 1) {
    if (const std::vector<AgentId> agents = internal::old_ranks_alive(state, run, id); !agents.empty()) {
      return "waits for its last attempt's processes to end on " + names_of(agents);
    }
  }
  return no_room(state, step == nullptr ? serving : step->resources);
}

std::string placed_reason(const State& state, const LiveStep& live) {
  const std::vector<AgentId> agents = internal::agents_of(live.attempt);
  std::vector<AgentId> away = agents;
  std::erase_if(away, [&state](const AgentId& agent) {
    const auto found = state.agents.find(agent);
    return found != state.agents.end() && found->second.status == AgentStatus::kConnected;
  });
  const bool started = live.status == StepStatus::kRunning;
  if (!away.empty()) {
    const bool all = away.size() == agents.size();
    return (started ? "runs on " : "was given to ") + names_of(agents) + ", " +
           (all ? "which" : "of which " + names_of(away)) + (away.size() == 1 ? " has" : " have") +
           " not come back yet since the controller started";
  }
  if (started) {
    std::string text = "runs on " + names_of(agents) + ", attempt " + std::to_string(live.attempt_number);
    if (live.attempt.preempted) {
      text += "; it is being stopped, to go on on another agent";
    } else if (live.attempt.silent_since_wall_ms != 0) {
      text += "; its process has said nothing since " + format_utc(live.attempt.silent_since_wall_ms);
    }
    return text;
  }
  return "was given to " + names_of(agents) + ", which " + (agents.size() == 1 ? "prepares" : "prepare") +
         " its inputs";
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
