// Invariant 13: what people are told about a step that is not over, held against the checker's own account.
#include <algorithm>
#include <cstdlib>

#include "controller/core/invariants.h"

namespace luthier::core {
namespace {

// "waits for a, b and c" -> whether each name stands there as a whole word of the list.
bool lists(const std::string& text, const std::string& name) {
  for (std::size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
    const std::string behind = text.substr(at + name.size(), 5);
    const bool begins = at > 0 && text[at - 1] == ' ';
    const bool ends = behind.empty() || behind[0] == ',' || behind == " and ";
    if (begins && ends) {
      return true;
    }
  }
  return false;
}

std::size_t names_left_out(const std::string& text) {
  const std::size_t more = text.rfind(" more");
  const std::size_t number = text.rfind(" and ");
  return more == std::string::npos || more + 5 != text.size() || number == std::string::npos
             ? 0
             : static_cast<std::size_t>(std::strtoull(text.c_str() + number + 5, nullptr, 10));
}

}  // namespace

void InvariantChecker::on_reasons(const ReasonOf& reason, Now now, bool strict) {
  for (const auto& [key, step] : steps_) {
    if (step.phase == Phase::kOver) {
      continue;
    }
    const std::string said = reason(key.first, key.second);
    if (const std::string wrong = untruth(step, key, said, now, strict); !wrong.empty()) {
      violate(13, key.first.value + "/" + key.second.value + " says \"" + said + "\", but " + wrong);
    }
  }
}

std::string InvariantChecker::untruth(const Step& step, const Key& key, const std::string& reason, Now now,
                                      bool strict) const {
  if (reason.empty()) {
    return "it is not over";
  }
  if (reason.starts_with("waits for an agent: ") && step.phase == Phase::kReady) {
    return untruth_of_absence(step, reason);
  }
  if (reason.starts_with("waits for its last attempt's processes ") && step.phase == Phase::kReady) {
    return untruth_of_old_ranks(step, key);
  }
  if ((reason.starts_with("only ") || reason.starts_with("waits for a rendezvous port")) &&
      step.phase == Phase::kReady) {
    return untruth_of_gang(step, reason);
  }
  if (reason.starts_with("waits for the approval of ")) {
    return untruth_of_approval(step, reason);
  }
  if (reason.starts_with("waits for its turn: ")) {
    return untruth_of_turn(step, key.first, reason);
  }
  if (reason.starts_with("waits for room on the controller's disk: ")) {
    return untruth_of_disk(step, reason);
  }
  if (reason.starts_with("waits for ") && step.phase == Phase::kWaiting) {
    return untruth_of_needs(step, key.first, reason);
  }
  if (reason.starts_with("tries again in ")) {
    return untruth_of_pause(step, reason, now);
  }
  if (reason.starts_with("no agent has ")) {
    return untruth_of_room(step, reason);
  }
  if (reason.starts_with("runs on ") || reason.starts_with("was given to ")) {
    return untruth_of_place(step, reason);
  }
  return strict ? "no checker knows such a sentence" : "";
}

std::string InvariantChecker::untruth_of_needs(const Step& step, const RunId& run, const std::string& reason) const {
  std::size_t open = 0;
  std::size_t listed = 0;
  for (const StepId& need : step.plan.needs) {
    const auto found = steps_.find({run, need});
    const bool over = found == steps_.end() || found->second.phase == Phase::kOver;
    const bool named = lists(reason, need.value);
    if (over && named) {
      return need.value + " is over";
    }
    open += over ? 0U : 1U;
    listed += named ? 1U : 0U;
  }
  if (open == 0) {
    return "all its needs are over";
  }
  return listed + names_left_out(reason) == open ? "" : "it waits for " + std::to_string(open) + " steps";
}

std::size_t InvariantChecker::busy_members(const RunId& run, const std::string& name) const {
  const auto members = runs_.find(run);
  if (members == runs_.end()) {
    return 0;
  }
  return static_cast<std::size_t>(std::count_if(members->second.begin(), members->second.end(), [&](const StepId& id) {
    const auto found = steps_.find({run, id});
    return found != steps_.end() && found->second.plan.name == name &&
           (found->second.phase == Phase::kAssigned || found->second.phase == Phase::kRunning);
  }));
}

std::string InvariantChecker::untruth_of_turn(const Step& step, const RunId& run, const std::string& reason) const {
  const auto limit = static_cast<std::size_t>(step.plan.max_parallel);
  if (step.phase != Phase::kReady || limit == 0) {
    return "no turn keeps it";
  }
  const std::size_t busy = busy_members(run, step.plan.name);
  if (busy < limit) {
    return "only " + std::to_string(busy) + " of its matrix run";
  }
  const bool said = reason.find(" is " + std::to_string(limit) + ", and ") != std::string::npos;
  return said ? "" : "as many as " + std::to_string(limit) + " may run";
}

std::string InvariantChecker::untruth_of_approval(const Step& step, const std::string& reason) {
  if (step.phase != Phase::kReady || step.plan.uses != "approve" || step.word != Step::Word::kNone) {
    return "it does not wait for a person";
  }
  const std::int64_t limit_ms = step.plan.timeout.count();
  const std::string until = limit_ms == 0 ? "" : ", until " + format_utc(step.ready_since_wall_ms + limit_ms);
  const std::size_t at = reason.find(": luthier approve ");
  const std::size_t from = reason.rfind(", until ", at);
  const std::string said = from == std::string::npos || at == std::string::npos ? "" : reason.substr(from, at - from);
  return said == until ? "" : "its time is" + (until.empty() ? " not limited" : until);
}

std::string InvariantChecker::untruth_of_pause(const Step& step, const std::string& reason, Now now) const {
  const std::int64_t left_ms = step.not_before_wall_ms - now.wall_ms;
  const long long said = std::strtoll(reason.c_str() + 15, nullptr, 10);
  if (step.phase != Phase::kReady || left_ms <= 0) {
    return "it does not pause";
  }
  return std::llabs(said * 1000 - left_ms) <= 1000 ? "" : "its pause ends in " + std::to_string(left_ms) + " ms";
}

bool InvariantChecker::is_open(const Node& node, const plan::Resources& wanted) {
  return node.connected && !node.cordoned && !node.draining &&
         std::all_of(wanted.labels.begin(), wanted.labels.end(), [&node](const auto& label) {
           const auto found = node.labels.find(label.first);
           return found != node.labels.end() && found->second == label.second;
         });
}

bool InvariantChecker::has_room(const AgentId& agent, const plan::Resources& wanted) const {
  const Node& node = agents_.at(agent);
  double cpus = node.resources.cpus;
  std::uint64_t used_bytes = 0;
  std::size_t gpus = node.resources.gpus.size();
  for (const auto& [attempt, allocation] : allocations_) {
    if (allocation.agent == agent) {
      cpus -= allocation.cpus;
      used_bytes += allocation.memory_bytes;
      gpus -= allocation.gpus.size();
    }
  }
  const bool memory = wanted.memory_bytes == 0 || used_bytes + wanted.memory_bytes <= node.resources.memory_bytes;
  return is_open(node, wanted) && memory && cpus > wanted.cpus - 1e-6 && gpus >= static_cast<std::size_t>(wanted.gpus);
}

std::string InvariantChecker::untruth_of_disk(const Step& step, const std::string& reason) const {
  if (step.phase != Phase::kReady) {
    return "it does not wait for an agent";
  }
  return !storage_low_.empty() && reason.ends_with(storage_low_) ? "" : "the disk has room";
}

std::string InvariantChecker::untruth_of_room(const Step& step, const std::string& reason) const {
  if (step.phase != Phase::kReady) {
    return "it does not wait for an agent";
  }
  if (!storage_low_.empty()) {
    return "the controller's disk is short of space";
  }
  for (const auto& [id, node] : agents_) {
    if (has_room(id, step.plan.resources)) {
      return id.value + " has room";
    }
    const bool open = is_open(node, step.plan.resources);
    if (open != (reason.find(" " + id.value + " has ") != std::string::npos)) {
      return id.value + (open ? " may be given it too" : " may not be given it");
    }
  }
  return {};
}

std::string InvariantChecker::untruth_of_gang(const Step& step, const std::string& reason) const {
  const plan::Resources& wanted = step.plan.resources;
  const auto with_room = static_cast<int>(
      std::count_if(agents_.begin(), agents_.end(), [&](const auto& each) { return has_room(each.first, wanted); }));
  if (reason.starts_with("waits for a rendezvous port")) {
    return with_room >= wanted.nodes ? "" : "it waits for agents too";
  }
  const std::string expected =
      "only " + std::to_string(with_room) + " of the " + std::to_string(wanted.nodes) + " agents that it needs ";
  return with_room < wanted.nodes && reason.starts_with(expected) ? "" : std::to_string(with_room) + " have room";
}

std::string InvariantChecker::untruth_of_old_ranks(const Step& step, const Key& key) const {
  const auto held = allocations_.lower_bound({key.first, key.second});
  const bool holds = held != allocations_.end() && held->first.run == key.first && held->first.step == key.second;
  return holds && step.plan.exclusive ? "" : "nothing of an earlier attempt is left";
}

std::string InvariantChecker::untruth_of_absence(const Step& step, const std::string& reason) const {
  if (agents_.empty() != (reason.find("none has joined") != std::string::npos)) {
    return agents_.empty() ? "no agent ever joined" : "an agent has joined";
  }
  for (const auto& [id, node] : agents_) {
    if (is_open(node, step.plan.resources)) {
      return id.value + " may be given it";
    }
  }
  return {};
}

std::string InvariantChecker::untruth_of_place(const Step& step, const std::string& reason) const {
  if (step.phase != Phase::kAssigned && step.phase != Phase::kRunning) {
    return "it is not placed";
  }
  const bool runs = reason.starts_with("runs on ");
  const bool away = reason.find(" not come back") != std::string::npos;
  if (runs != (step.phase == Phase::kRunning)) {
    return runs ? "it has not started" : "it runs";
  }
  std::string agents;
  bool connected = true;
  for (std::size_t rank = 0; rank < step.agents.size(); ++rank) {
    const bool last = rank + 1 == step.agents.size();
    agents += (rank == 0 ? "" : last ? " and " : ", ") + step.agents[rank].value;
    const auto node = agents_.find(step.agents[rank]);
    connected = connected && node != agents_.end() && node->second.connected;
  }
  if (!reason.starts_with((runs ? "runs on " : "was given to ") + agents + ",")) {
    return "it is on " + agents;
  }
  if (away == connected) {
    return agents + (connected ? " are connected" : " are not all connected");
  }
  const std::string attempt = ", attempt " + std::to_string(step.newest_attempt);
  // Behind the number may come what goes on with it.
  const bool tells = reason.ends_with(attempt) || reason.find(attempt + ";") != std::string::npos;
  return runs && !away && !tells ? "it is attempt " + std::to_string(step.newest_attempt) : "";
}

}  // namespace luthier::core
