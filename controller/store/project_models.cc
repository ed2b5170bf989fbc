// Projections of agents, models, aliases and deployments.
#include "controller/store/project.h"

namespace luthier::store {
namespace {

Json resources_json(const core::AgentResources& resources) {
  Json gpus = Json::array();
  for (const core::Gpu& gpu : resources.gpus) {
    gpus.push_back({{"index", gpu.index}, {"name", gpu.name}, {"uuid", gpu.uuid}, {"memory_bytes", gpu.memory_bytes}});
  }
  return {{"cpus", resources.cpus},
          {"memory_bytes", resources.memory_bytes},
          {"gpus", std::move(gpus)},
          {"cpu_model", resources.cpu_model},
          {"rendezvous_host", resources.rendezvous_host},
          {"rendezvous_ports", {resources.rendezvous_port_first, resources.rendezvous_port_last}}};
}

}  // namespace

Result<void> project_agent(Database& database, const core::AgentJoined& event, Now now) {
  return database.run(
      "INSERT INTO agents (agent, name, status, boot_id, resources, last_change_ms, labels, version) "
      "VALUES (?1, ?2, 'connected', ?3, ?4, ?5, ?6, ?7) ON CONFLICT (agent) DO UPDATE SET name = ?2, "
      "status = 'connected', boot_id = ?3, resources = ?4, last_change_ms = ?5, labels = ?6, version = ?7",
      event.agent.value, event.name, event.boot_id, resources_json(event.resources), now.wall_ms, Json(event.labels),
      event.version);
}

Result<void> project_agent(Database& database, const core::AgentLost& event, Now now) {
  return database.run("UPDATE agents SET status = 'lost', last_change_ms = ?2 WHERE agent = ?1", event.agent.value,
                      now.wall_ms);
}

Result<void> project_agent(Database& database, const core::AgentCordoned& event, Now now) {
  return database.run(
      "UPDATE agents SET cordoned = ?2, drain = 'no', drain_deadline_ms = NULL, last_change_ms = ?3 WHERE agent = ?1",
      event.agent.value, event.cordoned ? 1 : 0, now.wall_ms);
}

Result<void> project_agent(Database& database, const core::AgentDraining& event, Now now) {
  std::optional<std::int64_t> deadline;
  if (event.deadline_wall_ms != 0) {
    deadline = event.deadline_wall_ms;
  }
  return database.run(
      "UPDATE agents SET drain = 'draining', drain_deadline_ms = ?2, last_change_ms = ?3 WHERE agent = ?1",
      event.agent.value, deadline, now.wall_ms);
}

Result<void> project_agent(Database& database, const core::AgentDrained& event, Now now) {
  return database.run("UPDATE agents SET drain = 'drained', last_change_ms = ?2 WHERE agent = ?1", event.agent.value,
                      now.wall_ms);
}

// In the same transaction, so that a forgotten agent can never say Hello again.
Result<void> project_agent(Database& database, const core::AgentForgotten& event, Now) {
  LUTHIER_TRY_VOID(database.run("DELETE FROM keys WHERE scope = 'agent' AND name = ?", event.agent.value));
  return database.run("DELETE FROM agents WHERE agent = ?", event.agent.value);
}

Result<void> project_model(Database& database, const core::ModelRegistered& event, Now now) {
  return database.run(
      "INSERT INTO model_versions (model, version, base, adapter, lineage, metrics, description, created_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      event.model, event.version, event.weights.base, event.weights.adapter, event.lineage, event.metrics,
      event.description, now.wall_ms);
}

Result<void> project_model(Database& database, const core::AliasMoved& event, Now now) {
  LUTHIER_TRY_VOID(
      database.run("INSERT INTO aliases (model, alias, version) VALUES (?1, ?2, ?3) "
                   "ON CONFLICT (model, alias) DO UPDATE SET version = ?3",
                   event.model, event.alias, event.to_version));
  return database.run(
      "INSERT INTO alias_history (model, alias, from_version, to_version, moved_by, reason, moved_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      event.model, event.alias, event.from_version, event.to_version, event.by, event.reason, now.wall_ms);
}

Result<void> project_model(Database& database, const core::ModelDeleted& event, Now) {
  return database.run("DELETE FROM model_versions WHERE model = ? AND version = ?", event.model, event.version);
}

// Journaled again each time a deployment that lives on is used: that restarts its idle clock.
Result<void> project_model(Database& database, const core::DeploymentRequested& event, Now now) {
  return database.run(
      "INSERT INTO deployments (deployment, model, base, adapter, requested_ms, stop_reason) "
      "VALUES (?, ?, ?, ?, ?, '') ON CONFLICT (deployment) DO UPDATE SET model = excluded.model",
      event.deployment.value, event.model, event.weights.base, event.weights.adapter, now.wall_ms);
}

Result<void> project_model(Database& database, const core::DeploymentStopped& event, Now now) {
  return database.run("UPDATE deployments SET stopped_ms = ?2, stop_reason = ?3 WHERE deployment = ?1",
                      event.deployment.value, now.wall_ms, event.reason);
}

}  // namespace luthier::store
