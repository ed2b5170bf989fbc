#include "controller/store/project.h"

namespace luthier::store {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

}  // namespace

Result<void> project(Database& database, const core::Event& event, Now now) {
  const auto run = [&](const auto& e) { return project_run(database, e, now); };
  const auto step = [&](const auto& e) { return project_step(database, e, now); };
  const auto attempt = [&](const auto& e) { return project_attempt(database, e, now); };
  const auto agent = [&](const auto& e) { return project_agent(database, e, now); };
  const auto model = [&](const auto& e) { return project_model(database, e, now); };
  return std::visit(Overloaded{
                        [&](const core::RunSubmitted& e) { return run(e); },
                        [&](const core::RunFinished& e) { return run(e); },
                        [&](const core::StepReady& e) { return step(e); },
                        [&](const core::StepSkipped& e) { return step(e); },
                        [&](const core::StepRetrying& e) { return step(e); },
                        [&](const core::StepRepeated& e) { return step(e); },
                        [&](const core::StepSucceeded& e) { return step(e); },
                        [&](const core::StepFailed& e) { return step(e); },
                        [&](const core::StepCancelled& e) { return step(e); },
                        [&](const core::AttemptAssigned& e) { return attempt(e); },
                        [&](const core::AttemptStarted& e) { return attempt(e); },
                        [&](const core::AttemptEnded& e) { return attempt(e); },
                        [&](const core::AllocationReleased& e) { return attempt(e); },
                        [&](const core::CheckpointCommitted& e) { return attempt(e); },
                        [&](const core::AgentJoined& e) { return agent(e); },
                        [&](const core::AgentLost& e) { return agent(e); },
                        [&](const core::AgentCordoned& e) { return agent(e); },
                        [&](const core::AgentDraining& e) { return agent(e); },
                        [&](const core::AgentDrained& e) { return agent(e); },
                        [&](const core::AgentForgotten& e) { return agent(e); },
                        [&](const core::ModelRegistered& e) { return model(e); },
                        [&](const core::AliasMoved& e) { return model(e); },
                        [&](const core::ModelDeleted& e) { return model(e); },
                        [&](const core::DeploymentRequested& e) { return model(e); },
                        [&](const core::DeploymentStopped& e) { return model(e); },
                        // Nothing of these shows in a read model: the journal and the outbox hold them.
                        [](const core::ControllerStarted&) { return Result<void>(); },
                        [](const core::RankFinished&) { return Result<void>(); },
                        [](const core::AttemptReady&) { return Result<void>(); },
                        [](const core::AttemptSilent&) { return Result<void>(); },
                        [](const core::AttemptPreempted&) { return Result<void>(); },
                        [](const core::CancelRequested&) { return Result<void>(); },
                        [](const core::ApprovalDecided&) { return Result<void>(); },
                        [](const core::StepWaiting&) { return Result<void>(); },
                        [](const core::StorageChanged&) { return Result<void>(); },
                    },
                    event);
}

}  // namespace luthier::store
