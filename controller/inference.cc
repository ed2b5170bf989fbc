#include "controller/inference.h"

#include <algorithm>
#include <utility>

namespace luthier::controller {

namespace {

Error gone(const AgentId& agent) {
  return Error{ErrorCode::kUnavailable,
               "the connection to agent " + agent.value + ", which serves this model, is gone; try again"};
}

}  // namespace

std::uint64_t InferenceRouter::generate(const AgentId& agent, const AttemptId& deployment, const core::Json& request,
                                        GenerateCallbacks callbacks) {
  // Invalid UTF-8 is replaced: dump() would throw, and the request came from outside.
  std::string request_json = request.dump(-1, ' ', false, core::Json::error_handler_t::replace);
  std::unique_lock lock(mutex_);
  const std::uint64_t id = next_id_++;
  const auto found = agents_.find(agent);
  if (found == agents_.end()) {
    lock.unlock();
    callbacks.on_error(gone(agent));
    return id;
  }
  if (found->second.waiting.size() >= kWaitingMax) {
    lock.unlock();
    callbacks.on_error(Error{
        ErrorCode::kResourceExhausted,
        "agent " + agent.value + " already has " + std::to_string(kWaitingMax) + " requests waiting; try again later"});
    return id;
  }
  found->second.waiting.push_back(
      {id, deployment, std::move(request_json), std::make_shared<GenerateCallbacks>(std::move(callbacks))});
  send_waiting(found->second);
  return id;
}

void InferenceRouter::cancel(std::uint64_t id) {
  Callbacks withdrawn;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [agent_id, agent] : agents_) {
      if (agent.running.contains(id)) {
        agent.link->send_cancel(id);  // the agent answers "cancelled"
        return;
      }
      const auto waiting =
          std::find_if(agent.waiting.begin(), agent.waiting.end(), [id](const Waiting& one) { return one.id == id; });
      if (waiting != agent.waiting.end()) {
        withdrawn = std::move(waiting->callbacks);
        agent.waiting.erase(waiting);
        break;
      }
    }
  }
  if (withdrawn) {
    withdrawn->on_done("cancelled", 0, 0);
  }
}

void InferenceRouter::attach(const AgentId& agent, std::shared_ptr<InferenceLink> link, int credits) {
  std::vector<Callbacks> lost;
  {
    const std::lock_guard lock(mutex_);
    Agent& entry = agents_[agent];
    lost = take_all(entry);
    entry.link = std::move(link);
    entry.credits = static_cast<std::size_t>(std::max(1, credits));
  }
  for (const Callbacks& one : lost) {
    one->on_error(gone(agent));
  }
}

void InferenceRouter::end_all() {
  const std::lock_guard lock(mutex_);
  for (const auto& [agent_id, agent] : agents_) {
    agent.link->end();
  }
}

void InferenceRouter::detach(const AgentId& agent, const InferenceLink* link) {
  std::vector<Callbacks> lost;
  {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found == agents_.end() || found->second.link.get() != link) {
      return;
    }
    lost = take_all(found->second);
    agents_.erase(found);
  }
  for (const Callbacks& one : lost) {
    one->on_error(gone(agent));
  }
}

void InferenceRouter::token(const AgentId& agent, const InferenceLink* link, std::uint64_t id, std::string text) {
  Callbacks callbacks;
  {
    const std::lock_guard lock(mutex_);
    const auto found = agents_.find(agent);
    if (found == agents_.end() || found->second.link.get() != link) {
      return;
    }
    const auto running = found->second.running.find(id);
    if (running == found->second.running.end()) {
      return;
    }
    callbacks = running->second;
  }
  callbacks->on_token(std::move(text));
}

void InferenceRouter::done(const AgentId& agent, const InferenceLink* link, std::uint64_t id, std::string finish_reason,
                           std::int64_t prompt_tokens, std::int64_t completion_tokens) {
  if (const Callbacks callbacks = take(agent, link, id)) {
    callbacks->on_done(std::move(finish_reason), prompt_tokens, completion_tokens);
  }
}

void InferenceRouter::failed(const AgentId& agent, const InferenceLink* link, std::uint64_t id, Error error) {
  if (const Callbacks callbacks = take(agent, link, id)) {
    callbacks->on_error(std::move(error));
  }
}

void InferenceRouter::send_waiting(Agent& agent) {
  while (agent.running.size() < agent.credits && !agent.waiting.empty()) {
    Waiting next = std::move(agent.waiting.front());
    agent.waiting.pop_front();
    agent.running.emplace(next.id, std::move(next.callbacks));
    agent.link->send_generate(next.id, next.deployment, next.request_json);
  }
}

InferenceRouter::Callbacks InferenceRouter::take(const AgentId& agent, const InferenceLink* link, std::uint64_t id) {
  const std::lock_guard lock(mutex_);
  const auto found = agents_.find(agent);
  if (found == agents_.end() || found->second.link.get() != link) {
    return nullptr;
  }
  const auto running = found->second.running.find(id);
  if (running == found->second.running.end()) {
    return nullptr;
  }
  Callbacks callbacks = std::move(running->second);
  found->second.running.erase(running);
  send_waiting(found->second);
  return callbacks;
}

std::vector<InferenceRouter::Callbacks> InferenceRouter::take_all(Agent& agent) {
  std::vector<Callbacks> all;
  for (auto& [id, callbacks] : agent.running) {
    all.push_back(std::move(callbacks));
  }
  for (Waiting& waiting : agent.waiting) {
    all.push_back(std::move(waiting.callbacks));
  }
  agent.running.clear();
  agent.waiting.clear();
  return all;
}

}  // namespace luthier::controller
