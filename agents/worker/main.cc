// luthier-worker train | eval | serve | merge: the LibTorch process of one step, under luthier-shim.
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "agents/worker/error_report.h"
#include "agents/worker/verbs.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"

namespace luthier::worker {
namespace {

constexpr int kExitUserError = 1;
constexpr int kExitInfrastructure = 2;

// A signal handler can reach nothing else.
worker_protocol::Channel* signal_channel = nullptr;

void on_terminate(int) { signal_channel->request_stop(); }

// OpenMP's threads wait for each other by spinning for milliseconds unless told otherwise; where the cores are
// shared with other processes (several steps on one machine) that makes training ten times slower. The runtime
// reads its environment when it is loaded, so the program starts itself once more.
void restart_with_patient_threads(char** arguments) {
  if (std::getenv("GOMP_SPINCOUNT") == nullptr && std::getenv("OMP_WAIT_POLICY") == nullptr) {
    ::setenv("GOMP_SPINCOUNT", "1000", 0);
    ::execv("/proc/self/exe", arguments);  // returns only when it fails: then it just runs slower
  }
}

int usage() {
  std::fputs(
      "usage: luthier-worker train|eval|serve|merge|--version\n\n"
      "Does the step that the file named by LUTHIER_JOB describes and speaks to the socket LUTHIER_SOCKET\n"
      "(docs/worker-protocol.md). Agents start it; without a socket its messages go to stdout.\n",
      stderr);
  return kExitUserError;
}

Result<nlohmann::json> run_verb(std::string_view verb, const VerbContext& context) {
  if (context.job.uses != verb) {
    return Error{ErrorCode::kInvalidArgument,
                 "job.json asks for '" + context.job.uses + "', this process is '" + std::string(verb) + "'"};
  }
  try {
    return verb == "train"   ? run_train(context)
           : verb == "eval"  ? run_eval(context)
           : verb == "merge" ? run_merge(context)
                             : run_serve(context);
  } catch (...) {
    return error_of_current_exception();
  }
}

int report_failure(worker_protocol::Channel& channel, Log& log, const Error& error) {
  const ErrorReport report = report_of(error);
  log.error("failed", {{"code", report.code}, {"message", error.message}});
  (void)channel.error(report.failure_class, report.code, error.message);
  return report.failure_class == worker_protocol::FailureClass::kUser ? kExitUserError : kExitInfrastructure;
}

int run(std::string_view verb) {
  const SystemClock clock;
  Log log(clock, {});
  auto channel = worker_protocol::Channel::open_from_environment("luthier-worker");
  if (!channel) {
    log.error("no_channel", {{"message", channel.error().message}});
    return kExitInfrastructure;
  }
  signal_channel = channel->get();
  std::signal(SIGTERM, on_terminate);
  std::signal(SIGPIPE, SIG_IGN);
  auto job = worker_protocol::read_job_from_environment();
  if (!job) {
    return report_failure(**channel, log, job.error());
  }
  const char* serve_socket = std::getenv("LUTHIER_SERVE_SOCKET");
  auto outputs = run_verb(verb, {*job, **channel, log, serve_socket == nullptr ? "" : serve_socket});
  int status = 0;
  if (!outputs) {
    status = report_failure(**channel, log, outputs.error());
  } else if (!outputs->is_null() && !(*channel)->result(*outputs)) {
    log.error("result_not_delivered");
    status = kExitInfrastructure;
  }
  std::signal(SIGTERM, SIG_DFL);
  signal_channel = nullptr;
  return status;
}

}  // namespace
}  // namespace luthier::worker

int main(int argument_count, char** arguments) {
  const std::string_view verb = argument_count == 2 ? arguments[1] : "";
  if (verb == "--version") {
    std::printf("luthier-worker %s\n", luthier::kVersion);
    return 0;
  }
  if (verb != "train" && verb != "eval" && verb != "serve" && verb != "merge") {
    return luthier::worker::usage();
  }
  luthier::worker::restart_with_patient_threads(arguments);
  return luthier::worker::run(verb);
}
