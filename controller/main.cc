// luthierd: the controller. The only place where its parts are put together.
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/version.h"
#include "controller/artifacts/artifacts.h"
#include "controller/backup.h"
#include "controller/config.h"
#include "controller/data_folder.h"
#include "controller/disk_guard.h"
#include "controller/fleet/fleet.h"
#include "controller/housekeeper.h"
#include "controller/http/server.h"
#include "controller/inference.h"
#include "controller/metrics.h"
#include "controller/progress_board.h"
#include "controller/runtime.h"
#include "controller/store/administration.h"
#include "controller/store/store.h"

namespace luthier::controller {
namespace {

constexpr unsigned kStopSecondsMax = 9;

// Before any thread exists, so that all inherit it: only wait_for_stop() sees these signals.
sigset_t block_stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int wait_for_stop(const sigset_t& signals) {
  int signal = 0;
  sigwait(&signals, &signal);
  ::alarm(kStopSecondsMax);  // an ordered stop that hangs is ended by SIGALRM; the journal makes that safe
  return signal;
}

Result<void> write_ready_file(const std::string& path, const std::string& http_url, const std::string& grpc_address) {
  if (path.empty()) {
    return {};
  }
  const nlohmann::json ready{{"http_url", http_url}, {"grpc_address", grpc_address}, {"pid", ::getpid()}};
  return write_file_atomically(path, ready.dump() + "\n", 0644);
}

http::Context http_context(const Config& config, const DiskGuard& guard, Runtime& runtime, store::Store& store,
                           store::Administration& administration, Metrics& metrics, const std::filesystem::path& data,
                           artifacts::ArtifactStore& artifacts, InferenceHub& inference, const ProgressBoard& progress,
                           const Clock& clock, Log& log) {
  return {.runtime = runtime,
          .store = store,
          .administration = administration,
          .metrics = metrics,
          .artifacts = artifacts,
          .inference = inference,
          .clock = clock,
          .log = log,
          .data = data,
          .progress = [&progress](const AttemptId& attempt) { return progress.newest(attempt).value_or(core::Json()); },
          .readiness = [&guard] { return guard.readiness(); },
          .history_keep = config.history_keep,
          .upload_lease = config.upload_lease};
}

Result<std::uint64_t> free_bytes_min_of(const Config& config, const DiskProbe& probe) {
  if (config.free_bytes_min > 0) {
    return config.free_bytes_min;
  }
  LUTHIER_TRY(const DiskSpace space, probe());
  return default_free_bytes_min(space.total_bytes);
}

// Tells the machine, and the log when it changes.
void look_at_disk(DiskGuard& guard, Runtime& runtime, Log& log) {
  const std::string before = guard.low();
  const std::string low = guard.look();
  if (before.empty() != low.empty()) {
    if (low.empty()) {
      log.info("disk_has_room");
    } else {
      log.error("disk_almost_full", {{"why", low}, {"until_then", "no runs, no new steps, no uploads"}});
    }
  }
  runtime.post(core::StorageReport{low});
}

Result<void> tell_ready(const Config& config, const std::filesystem::path& data, int http_port, int grpc_port,
                        Log& log) {
  const std::string http_url = "http://" + config.http_host + ":" + std::to_string(http_port);
  const std::string grpc_address = config.grpc_host + ":" + std::to_string(grpc_port);
  LUTHIER_TRY_VOID(write_ready_file(config.ready_file, http_url, grpc_address));
  log.info("ready", {{"http", http_url}, {"grpc", grpc_address}, {"data", data.string()}});
  return {};
}

Housekeeper::Options chores(const Config& config, std::function<void()> look_at_disk) {
  return {.history_keep = config.history_keep,
          .telemetry_keep = config.telemetry_keep,
          .telemetry_bytes_max = config.telemetry_bytes_max,
          .look_at_disk = std::move(look_at_disk)};
}

Result<void> serve(const Config& config, const sigset_t& signals) {
  const SystemClock clock;
  Log log(clock, {.level = config.log_level, .pretty = config.log_pretty, .fd = 2});
  LUTHIER_TRY(const DataFolder folder, DataFolder::open(config.data));
  const DiskProbe probe = disk_probe_of(folder.path());
  LUTHIER_TRY(const std::uint64_t free_bytes_min, free_bytes_min_of(config, probe));
  DiskGuard guard(probe, free_bytes_min);
  LUTHIER_TRY(const std::unique_ptr<store::Store> store, store::open_sqlite_store(folder.path()));
  LUTHIER_TRY(const std::unique_ptr<store::Administration> administration, store::Administration::open(folder.path()));
  LUTHIER_TRY(const std::unique_ptr<artifacts::ArtifactStore> artifacts,
              artifacts::open_local_artifacts(folder.path() / "artifacts", free_bytes_min));
  LUTHIER_TRY_VOID(folder.ensure_admin_key(*store));
  LUTHIER_TRY_VOID(folder.renew_join_token(*store, clock.now()));

  // Destroyed in the reverse order, so that nothing calls what is gone.
  Metrics metrics;
  ProgressBoard progress;
  InferenceRouter inference;
  const std::unique_ptr<Runtime> runtime =
      make_runtime(*store, clock, log,
                   {.snapshot_every = static_cast<std::uint64_t>(config.snapshot_every),
                    .check_invariants = config.check_invariants});
  const std::unique_ptr<fleet::FleetServer> fleet = fleet::make_fleet_server(
      {*runtime, *store, *artifacts, inference, progress, clock, log}, {.host = config.grpc_host,
                                                                        .port = config.grpc_port,
                                                                        .agent_silence = config.agent_silence,
                                                                        .start_grace = config.start_grace});
  http::HttpServer http(http_context(config, guard, *runtime, *store, *administration, metrics, folder.path(),
                                     *artifacts, inference, progress, clock, log),
                        {.address = config.http_host,
                         .port = static_cast<std::uint16_t>(config.http_port),
                         .metrics_open = config.metrics_open});
  runtime->set_sinks(
      {.send_to_agent = [&](const AgentId& agent, const core::AgentCommand& command) { fleet->send(agent, command); },
       .welcome_agent = [&](const AgentId& agent, std::uint64_t connection) { fleet->welcome(agent, connection); },
       .published = [&](const store::OutboxRow& row) { http.published(row); },
       .committed =
           [&metrics](double seconds, std::size_t records) {
             metrics.commit_seconds.observe(seconds);
             metrics.commit_records.observe(static_cast<double>(records));
           }});

  LUTHIER_TRY_VOID(runtime->start());
  LUTHIER_TRY(const int grpc_port, fleet->start());
  LUTHIER_TRY_VOID(http.start());
  Housekeeper housekeeper(*store, clock, log, chores(config, [&] { look_at_disk(guard, *runtime, log); }));
  housekeeper.start();
  LUTHIER_TRY_VOID(tell_ready(config, folder.path(), http.port(), grpc_port, log));

  const int signal = wait_for_stop(signals);
  log.info("stopping", {{"signal", std::to_string(signal)}});
  http.stop();  // requests wait for the runtime's replies, so it goes first
  fleet->stop();
  runtime->stop();
  housekeeper.stop();
  log.info("stopped");
  return {};
}

std::optional<std::string> read_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

int fail(const Error& error) {
  std::fprintf(stderr, "luthierd: %s\n", error.message.c_str());
  return error.code == ErrorCode::kInvalidArgument ? 2 : 1;
}

int maintain(const ParsedConfig& parsed) {
  const std::string& other = parsed.backup;
  const Result<BackupReport> done = parsed.action == Action::kBackup
                                        ? back_up(parsed.config.data, other, parsed.backup_links)
                                        : restore(other, parsed.config.data);
  if (!done) {
    return fail(done.error());
  }
  std::fprintf(stdout, "%s\n", done->summary.c_str());
  return 0;
}

int main_of_luthierd(const std::vector<std::string>& arguments) {
  const Result<ParsedConfig> parsed = parse_config(arguments, read_environment);
  if (!parsed) {
    return fail(parsed.error());
  }
  switch (parsed->action) {
    case Action::kHelp: std::fputs(config_help().c_str(), stdout); return 0;
    case Action::kVersion: std::printf("luthierd %s\n", luthier::kVersion); return 0;
    case Action::kPrintConfig: std::fputs(print_config(*parsed).c_str(), stdout); return 0;
    case Action::kBackup:
    case Action::kRestore: return maintain(*parsed);
    case Action::kRun: break;
  }
  const sigset_t signals = block_stop_signals();
  fleet::log_grpc_as_events();
  const Result<void> done = serve(parsed->config, signals);
  return done ? 0 : fail(done.error());
}

}  // namespace
}  // namespace luthier::controller

int main(int argc, char** argv) {
  try {
    return luthier::controller::main_of_luthierd(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "luthierd: %s\n", error.what());
    return 1;
  }
}
