// `luthier logs`: the bytes of steps' logs, as they were written.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/runs.h"

namespace luthier::cli {
namespace {

// A followed log is taken up again after a cut for this long.
constexpr std::int64_t kAwayMaxMs = 300'000;

struct StepLog {
  std::string run;
  std::string step;
  int attempt = 0;
  int rank = 0;
  bool follow = false;
};

std::string target_of(const StepLog& log, std::uint64_t offset) {
  return "/api/v1/runs/" + segment(log.run) + "/steps/" + segment(log.step) +
         "/log?follow=" + (log.follow ? "1" : "0") + "&offset=" + std::to_string(offset) +
         (log.attempt == 0 ? "" : "&attempt=" + std::to_string(log.attempt)) +
         (log.rank == 0 ? "" : "&rank=" + std::to_string(log.rank));
}

// Writes the log with `write`; one that is cut short goes on from where it was.
Result<void> read_log(ApiClient& api, const StepLog& log, const std::function<bool(std::string_view)>& write) {
  const SystemClock clock;
  std::uint64_t offset = 0;
  std::int64_t away_since_ms = 0;
  while (true) {
    const std::uint64_t before = offset;
    Result<void> done = api.stream("GET", target_of(log, offset), Json(), [&](std::string_view bytes) {
      offset += bytes.size();
      return write(bytes);
    });
    if (done || done.error().code != ErrorCode::kUnavailable || !log.follow) {
      return done;
    }
    const std::int64_t now_ms = clock.now().monotonic_ms;
    if (away_since_ms == 0 || offset > before) {
      away_since_ms = now_ms;
    }
    if (now_ms - away_since_ms > kAwayMaxMs) {
      return done;
    }
    std::this_thread::sleep_for(std::chrono::seconds(1));
  }
}

Result<std::vector<std::string>> steps_of(ApiClient& api, const LogsOptions& given) {
  if (!given.step.empty()) {
    return std::vector<std::string>{given.step};
  }
  if (given.run.starts_with("d-")) {  // a deployment
    return std::vector<std::string>{"serve"};
  }
  LUTHIER_TRY(const Json run, api.get("/api/v1/runs/" + segment(given.run)));
  std::vector<std::string> steps;
  for (const Json& step : run.value("steps", Json::array())) {
    if (given.follow || !step.value("attempts", Json::array()).empty()) {
      steps.push_back(step.value("id", ""));
    }
  }
  return steps;
}

Result<void> print_logs(ApiClient& api, const LogsOptions& given) {
  LUTHIER_TRY(const std::vector<std::string> steps, steps_of(api, given));
  for (const std::string& step : steps) {
    bool titled = steps.size() == 1;
    LUTHIER_TRY_VOID(
        read_log(api, {given.run, step, given.attempt, given.rank, given.follow}, [&](std::string_view bytes) {
          if (!titled) {
            titled = true;
            const std::string title = "== " + printable(step) + " ==\n";
            static_cast<void>(write_all(STDOUT_FILENO, title));
          }
          return write_all(STDOUT_FILENO, bytes).has_value();
        }));
  }
  return {};
}

Result<void> print_logs_as_json(ApiClient& api, const LogsOptions& given) {
  LUTHIER_TRY(const std::vector<std::string> steps, steps_of(api, given));
  Json logs = Json::array();
  for (const std::string& step : steps) {
    std::string text;
    LUTHIER_TRY_VOID(
        read_log(api, {given.run, step, given.attempt, given.rank, given.follow}, [&](std::string_view bytes) {
          text += bytes;
          return true;
        }));
    logs.push_back({{"step", step}, {"log", text}});
  }
  const Json answer = {{"run", given.run}, {"logs", std::move(logs)}};
  std::printf("%s\n", answer.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return {};
}

}  // namespace

int logs_command(const GlobalOptions& options, const LogsOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<void> done = options.json ? print_logs_as_json(*api, given) : print_logs(*api, given);
  if (!done && done.error().code != ErrorCode::kCancelled) {  // cancelled: nobody reads our output any more
    return report(done.error());
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
