#include <csignal>

#include "agents/core/core.h"

namespace luthier::agents {
namespace {

Classified classify_command(const ExitRecord& exit) {
  if (exit.error_class == FailureClass::kInfrastructure) {
    return {Outcome::kInfrastructureFailure, exit.error_code, exit.error_message};
  }
  if (exit.signal == SIGKILL) {
    return {Outcome::kInfrastructureFailure, "killed",
            "the command was ended by SIGKILL, which this agent did not send (the machine ran out of memory, perhaps)"};
  }
  if (exit.signal != 0) {
    return {Outcome::kUserFailure, "signal", "the command was ended by signal " + std::to_string(exit.signal)};
  }
  if (exit.exit_code != 0) {
    return {Outcome::kUserFailure, "exit_status",
            "the command ended with status " + std::to_string(exit.exit_code) + "; its log says why"};
  }
  return {};
}

Classified classify_worker(const ExitRecord& exit) {
  if (exit.signal != 0) {
    return {Outcome::kInfrastructureFailure, "killed",
            "the process was ended by signal " + std::to_string(exit.signal)};
  }
  if (exit.error_class == FailureClass::kUser && exit.exit_code == 1) {
    return {Outcome::kUserFailure, exit.error_code, exit.error_message};
  }
  if (exit.error_class != FailureClass::kNone) {
    return {Outcome::kInfrastructureFailure, exit.error_code, exit.error_message};
  }
  if (exit.exit_code != 0 || !exit.has_result) {
    return {Outcome::kInfrastructureFailure, "no_result",
            "the process ended with status " + std::to_string(exit.exit_code) +
                (exit.has_result ? " after its result" : " without a result")};
  }
  return {};
}

std::string out_of_memory_text(const Assignment& assignment) {
  const std::uint64_t mebibytes = assignment.memory_bytes >> 20;
  return "it was killed because it used more memory than it asked for (" + std::to_string(mebibytes) +
         " MiB); ask for more with resources.memory, or let it use less";
}

}  // namespace

Classified classify_exit(const Assignment& assignment, const ExitRecord& exit, std::optional<StopReason> stop) {
  const bool command = assignment.uses == "run";
  const bool ran_undisturbed = !stop && exit.error_class == FailureClass::kNone;
  const bool completed =
      exit.recorded && exit.exit_code == 0 && exit.signal == 0 && (command ? ran_undisturbed : exit.has_result);
  if (completed) {
    return {};  // also when it was finished before the stop reached it
  }
  if (stop == StopReason::kTimedOut) {
    return {Outcome::kTimedOut, "timeout",
            "the step was stopped after its timeout of " + std::to_string(assignment.timeout.count() / 1000) + " s"};
  }
  if (stop == StopReason::kHung) {
    return {Outcome::kInfrastructureFailure, "hung",
            "the process stopped talking, so it was ended (it has to say a line within the agent's --hang-timeout)"};
  }
  if (stop == StopReason::kStalled) {
    return {Outcome::kInfrastructureFailure, "stalled",
            "the process lived but made no progress, so it was ended (a training or evaluation has to go on within the "
            "agent's --stall-timeout)"};
  }
  if (exit.out_of_memory) {
    return {Outcome::kUserFailure, "out_of_memory", out_of_memory_text(assignment)};
  }
  if (stop) {
    return {Outcome::kStopped, "stopped", "the step was stopped because the controller asked"};
  }
  if (!exit.recorded) {
    return {Outcome::kInfrastructureFailure, "shim_lost", "luthier-shim ended without leaving an exit record"};
  }
  return command ? classify_command(exit) : classify_worker(exit);
}

}  // namespace luthier::agents
