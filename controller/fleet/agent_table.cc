#include "controller/fleet/agent_table.h"

#include <utility>
#include <vector>

#include "controller/fleet/convert.h"

namespace luthier::fleet {

void AgentTable::expect(const AgentId& agent) {
  const std::lock_guard lock(mutex_);
  watch_.expect(agent, clock_.now().monotonic_ms);
}

bool AgentTable::connect(std::shared_ptr<AgentStreamBase> stream, core::AgentConnected hello,
                         v1::ConnectResponse welcome) {
  const AgentId agent = hello.agent;
  Connection replaced;
  {
    const std::lock_guard lock(mutex_);
    watch_.heard(agent, clock_.now().monotonic_ms);
    const std::uint64_t number = ++last_number_;
    hello.connection = number;
    if (!runtime_.post(std::move(hello))) {
      return false;
    }
    // The state thread may answer at once, but its welcome() and send() wait for this mutex.
    stream->send(std::move(welcome));
    replaced = std::exchange(connections_[agent], Connection{std::move(stream), number});
  }
  if (replaced.stream) {
    replaced.stream->close(
        {grpc::StatusCode::ABORTED, "a newer stream of agent " + agent.value + " replaced this one"});
  }
  log_.info("agent_connected", {{"agent", agent.value}, {"replaced_a_stream", replaced.stream ? "yes" : "no"}});
  return true;
}

bool AgentTable::heartbeat(const AgentId& agent, const AgentStreamBase* stream) {
  const std::lock_guard lock(mutex_);
  if (!is_present(agent, stream)) {
    return false;
  }
  watch_.heard(agent, clock_.now().monotonic_ms);
  return true;
}

bool AgentTable::report(const AgentId& agent, const AgentStreamBase* stream, core::Input input) {
  const std::lock_guard lock(mutex_);
  if (!is_present(agent, stream)) {
    return true;
  }
  watch_.heard(agent, clock_.now().monotonic_ms);
  return runtime_.post(std::move(input));
}

void AgentTable::disconnect(const AgentId& agent, const AgentStreamBase* stream) {
  {
    const std::lock_guard lock(mutex_);
    if (!is_present(agent, stream)) {
      return;
    }
    connections_.erase(agent);
  }
  log_.info("agent_disconnected", {{"agent", agent.value}});
}

void AgentTable::welcome(const AgentId& agent, std::uint64_t connection) {
  const std::lock_guard lock(mutex_);
  if (const auto found = connections_.find(agent); found != connections_.end() && found->second.number == connection) {
    found->second.welcomed = true;
  }
}

void AgentTable::send(const AgentId& agent, const core::AgentCommand& command) {
  std::shared_ptr<AgentStreamBase> stream;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(agent);
    if (found == connections_.end() || !found->second.welcomed) {
      return;
    }
    stream = found->second.stream;
  }
  stream->send(to_proto(command, runtime_.epoch()));
}

void AgentTable::check_silence() {
  std::vector<std::pair<AgentWatch::Silent, std::shared_ptr<AgentStreamBase>>> ended;
  {
    const std::lock_guard lock(mutex_);
    for (AgentWatch::Silent& silent : watch_.take_silent(clock_.now().monotonic_ms)) {
      if (!runtime_.post(core::AgentSilent{silent.agent, silent.reason})) {
        watch_.heard(silent.agent, clock_.now().monotonic_ms);  // the queue is full: say it one period later
        continue;
      }
      std::shared_ptr<AgentStreamBase> stream;
      if (const auto found = connections_.find(silent.agent); found != connections_.end()) {
        stream = std::move(found->second.stream);
        connections_.erase(found);
      }
      ended.emplace_back(std::move(silent), std::move(stream));
    }
  }
  for (const auto& [silent, stream] : ended) {
    log_.warning("agent_silent", {{"agent", silent.agent.value}, {"reason", silent.reason}});
    if (stream) {
      stream->close({grpc::StatusCode::UNAVAILABLE, "this agent was silent for too long; connect again"});
    }
  }
}

void AgentTable::close_all(const grpc::Status& status) {
  std::map<AgentId, Connection> connections;
  {
    const std::lock_guard lock(mutex_);
    connections.swap(connections_);
  }
  for (const auto& [agent, connection] : connections) {
    connection.stream->close(status);
  }
}

bool AgentTable::is_present(const AgentId& agent, const AgentStreamBase* stream) const {
  const auto found = connections_.find(agent);
  return found != connections_.end() && found->second.stream.get() == stream;
}

}  // namespace luthier::fleet
