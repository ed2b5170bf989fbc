// Projections: what an event changes in the read models. Called inside the transaction that appends it to the journal.
#pragma once

#include "base/clock.h"
#include "base/result.h"
#include "controller/core/event.h"
#include "controller/store/sqlite.h"

namespace luthier::store {

// An event about something the read models do not have changes nothing.
[[nodiscard]] Result<void> project(Database& database, const core::Event& event, Now now);

// By subject; project() hands each event to the one that knows it.
[[nodiscard]] Result<void> project_run(Database& database, const core::RunSubmitted& event, Now now);
[[nodiscard]] Result<void> project_run(Database& database, const core::RunFinished& event, Now now);

[[nodiscard]] Result<void> project_step(Database& database, const core::StepReady& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepSkipped& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepRetrying& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepRepeated& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepSucceeded& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepFailed& event, Now now);
[[nodiscard]] Result<void> project_step(Database& database, const core::StepCancelled& event, Now now);

[[nodiscard]] Result<void> project_attempt(Database& database, const core::AttemptAssigned& event, Now now);
[[nodiscard]] Result<void> project_attempt(Database& database, const core::AttemptStarted& event, Now now);
[[nodiscard]] Result<void> project_attempt(Database& database, const core::AttemptEnded& event, Now now);
[[nodiscard]] Result<void> project_attempt(Database& database, const core::AllocationReleased& event, Now now);
[[nodiscard]] Result<void> project_attempt(Database& database, const core::CheckpointCommitted& event, Now now);

[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentJoined& event, Now now);
[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentLost& event, Now now);
[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentCordoned& event, Now now);
[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentDraining& event, Now now);
[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentDrained& event, Now now);
[[nodiscard]] Result<void> project_agent(Database& database, const core::AgentForgotten& event, Now now);

[[nodiscard]] Result<void> project_model(Database& database, const core::ModelRegistered& event, Now now);
[[nodiscard]] Result<void> project_model(Database& database, const core::AliasMoved& event, Now now);
[[nodiscard]] Result<void> project_model(Database& database, const core::ModelDeleted& event, Now now);
[[nodiscard]] Result<void> project_model(Database& database, const core::DeploymentRequested& event, Now now);
[[nodiscard]] Result<void> project_model(Database& database, const core::DeploymentStopped& event, Now now);

}  // namespace luthier::store
