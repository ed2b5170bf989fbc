#include "controller/core/step_index.h"

#include <limits>

#include "controller/core/state.h"

namespace luthier::core {
namespace {

void take_out(ReadyQueue& queue, const ReadyKey& key, const plan::Step& step) {
  const auto filed = queue.times.find(key);
  if (filed == queue.times.end()) {
    return;
  }
  queue.due.erase({filed->second.due_wall_ms, key});
  queue.notices.erase({filed->second.notice_wall_ms, key});
  queue.times.erase(filed);
  queue.ready.erase(key);
  const auto shape = queue.shapes.find(shape_of(step));
  if (--shape->second == 0) {
    queue.shapes.erase(shape);
  }
}

void put_in(ReadyQueue& queue, const ReadyKey& key, const plan::Step& step, const ReadyQueue::Times& times) {
  queue.ready.insert(key);
  queue.times.emplace(key, times);
  queue.due.emplace(times.due_wall_ms, key);
  if (times.notice_wall_ms != 0) {
    queue.notices.emplace(times.notice_wall_ms, key);
  }
  ++queue.shapes[shape_of(step)];
}

std::vector<ReadyKey> keys_until(const std::set<std::pair<std::int64_t, ReadyKey>>& times, std::int64_t wall_ms) {
  std::vector<ReadyKey> keys;
  for (auto each = times.begin(); each != times.end() && each->first <= wall_ms; ++each) {
    keys.push_back(each->second);
  }
  return keys;
}

void file_approval(ReadyQueue& queue, const ReadyKey& key, const plan::Step& planned, const LiveStep& step) {
  if (const auto filed = queue.approval_times.find(key); filed != queue.approval_times.end()) {
    queue.approvals.erase({filed->second, key});
    queue.approval_times.erase(filed);
  }
  if (planned.uses == "approve" && planned.timeout.count() > 0 && step.status == StepStatus::kReady) {
    const std::int64_t until_wall_ms = step.waits_since_wall_ms + planned.timeout.count();
    queue.approval_times.emplace(key, until_wall_ms);
    queue.approvals.emplace(until_wall_ms, key);
  }
}

ReadyKey key_of(const RunId& id, const LiveRun& run, std::uint32_t position) {
  return {.urgency = -run.plan.steps[position].priority, .order = run.order, .position = position, .run = id};
}

// A step is over: its dependents have one need less to wait for.
void close(LiveRun& run, std::uint32_t position) {
  RunIndex& index = run.index;
  index.over[position] = true;
  --index.open_steps;
  for (const std::uint32_t dependent : index.dependents[position]) {
    if (--index.open_needs[dependent] == 0 &&
        run.steps.at(run.plan.steps[dependent].id).status == StepStatus::kWaiting) {
      index.decidable.insert(dependent);
    }
  }
}

// A step that was over runs once more (StepRepeated): its dependents that have not been decided wait for it again.
void reopen(LiveRun& run, std::uint32_t position) {
  RunIndex& index = run.index;
  index.over[position] = false;
  ++index.open_steps;
  for (const std::uint32_t dependent : index.dependents[position]) {
    ++index.open_needs[dependent];
    index.decidable.erase(dependent);
  }
}

}  // namespace

Shape shape_of(const plan::Step& step) {
  return {step.resources.nodes, step.resources.gpus, step.resources.cpus, step.resources.memory_bytes,
          step.resources.labels};
}

std::int64_t ReadyQueue::next_due_after(std::int64_t wall_ms) const {
  const ReadyKey last{.urgency = std::numeric_limits<int>::max(),
                      .order = std::numeric_limits<std::uint64_t>::max(),
                      .position = std::numeric_limits<std::uint32_t>::max(),
                      .run = {}};
  const auto found = due.upper_bound({wall_ms, last});
  return found == due.end() ? 0 : found->first;
}

std::int64_t ReadyQueue::next_approval_wall_ms() const { return approvals.empty() ? 0 : approvals.begin()->first; }

std::vector<ReadyKey> ReadyQueue::approvals_until(std::int64_t wall_ms) const { return keys_until(approvals, wall_ms); }

std::int64_t ReadyQueue::next_notice_wall_ms() const { return notices.empty() ? 0 : notices.begin()->first; }

std::vector<ReadyKey> ReadyQueue::notices_until(std::int64_t wall_ms) const { return keys_until(notices, wall_ms); }

void index_run(State& state, const RunId& id) {
  LiveRun& run = state.runs.at(id);
  const std::size_t count = run.plan.steps.size();
  run.index = {};
  run.index.dependents.resize(count);
  run.index.open_needs.resize(count, 0);
  run.index.over.resize(count, false);
  run.index.open_steps = static_cast<std::uint32_t>(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    run.index.position.emplace(run.plan.steps[i].id, i);
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    const plan::Step& step = run.plan.steps[i];
    run.index.open_needs[i] = static_cast<std::uint32_t>(step.needs.size());
    for (const StepId& need : step.needs) {
      run.index.dependents[run.index.position.at(need)].push_back(i);
    }
    if (step.needs.empty() && run.steps.at(step.id).status == StepStatus::kWaiting) {
      run.index.decidable.insert(i);
    }
  }
  for (const plan::Step& step : run.plan.steps) {
    index_step(state, id, step.id);
  }
}

void unindex_run(State& state, const RunId& id) {
  const LiveRun& run = state.runs.at(id);
  for (std::uint32_t i = 0; i < run.plan.steps.size(); ++i) {
    const ReadyKey key = key_of(id, run, i);
    take_out(state.queue, key, run.plan.steps[i]);
    if (const auto filed = state.queue.approval_times.find(key); filed != state.queue.approval_times.end()) {
      state.queue.approvals.erase({filed->second, key});
      state.queue.approval_times.erase(filed);
    }
  }
}

void index_step(State& state, const RunId& id, const StepId& step_id) {
  const auto found = state.runs.find(id);
  if (found == state.runs.end()) {
    return;
  }
  LiveRun& run = found->second;
  const std::uint32_t position = run.index.position.at(step_id);
  const plan::Step& planned = run.plan.steps[position];
  const LiveStep& step = run.steps.at(step_id);
  if (step.status != StepStatus::kWaiting) {
    run.index.decidable.erase(position);
  }
  if (is_terminal(step.status) && !run.index.over[position]) {
    close(run, position);
  } else if (!is_terminal(step.status) && run.index.over[position]) {
    reopen(run, position);
  }
  if (planned.max_parallel > 0) {
    const bool busy = step.status == StepStatus::kAssigned || step.status == StepStatus::kRunning;
    std::set<std::uint32_t>& members = run.index.busy_members[planned.name];
    busy ? static_cast<void>(members.insert(position)) : static_cast<void>(members.erase(position));
  }
  const ReadyKey key = key_of(id, run, position);
  take_out(state.queue, key, planned);
  file_approval(state.queue, key, planned, step);
  if (step.status == StepStatus::kReady && planned.place == plan::Place::kAgent) {
    const std::int64_t notice_wall_ms = step.waits_since_wall_ms + state.options.waiting_notice.count();
    put_in(state.queue, key, planned,
           {.due_wall_ms = step.not_before_wall_ms, .notice_wall_ms = step.waiting_told ? 0 : notice_wall_ms});
  }
}

}  // namespace luthier::core
