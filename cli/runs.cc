#include "cli/runs.h"

#include <cstdio>

#include "base/clock.h"
#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/progress.h"

namespace luthier::cli {
namespace {

int print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return kExitSuccess;
}

Result<Json> get(const GlobalOptions& options, const std::string& path) {
  LUTHIER_TRY(ApiClient api, connect(options));
  return api.get(path);
}

std::string run_duration(const Json& run, std::int64_t now_ms) {
  const auto created = parse_utc(text_of(run, "created_at"));
  return created ? format_duration(parse_utc(text_of(run, "finished_at")).value_or(now_ms) - *created) : "";
}

std::string step_note(const Json& step) {
  const std::string status = text_of(step, "status");
  if (status == "running") {
    return progress_text(step.value("progress", Json()), false);
  }
  return status == "succeeded" ? summary_of(step) : text_of(step, "reason");
}

// Of the newest attempt.
std::string step_usage(const Json& step) {
  const Json attempts = step.value("attempts", Json::array());
  return attempts.empty() ? "" : format_usage(attempts.back().value("usage", Json()));
}

std::string step_agent(const Json& step) {
  const Json attempts = step.value("attempts", Json::array());
  return attempts.empty() ? "" : agents_of(attempts.back());
}

void print_run(const Json& run, std::int64_t now_ms) {
  std::printf("run %s: %s, %s, %s, by %s\n", text_of(run, "id").c_str(), text_of(run, "pipeline").c_str(),
              text_of(run, "status").c_str(), run_duration(run, now_ms).c_str(), text_of(run, "submitted_by").c_str());
  if (const std::string before = text_of(run, "rerun_of"); !before.empty()) {
    std::printf("goes on from run %s\n", before.c_str());
  }
  if (!text_of(run, "commit").empty()) {
    std::printf("commit: %s\n", text_of(run, "commit").c_str());
  }
  if (run.contains("params") && !run["params"].empty()) {
    std::printf("params: %s\n", text_of(run, "params").c_str());
  }
  std::vector<std::vector<std::string>> rows = {{"STEP", "USES", "STATUS", "ATTEMPT", "AGENT", "TIME", "USED", ""}};
  for (const Json& step : run.value("steps", Json::array())) {
    const std::int64_t duration = duration_ms_of(step, now_ms);
    rows.push_back({text_of(step, "id"), text_of(step, "uses"), text_of(step, "status"),
                    step.value("attempt", 0) == 0 ? "" : text_of(step, "attempt"), step_agent(step),
                    text_of(step, "started_at").empty() ? "" : format_duration(duration), step_usage(step),
                    step_note(step)});
  }
  std::printf("\n%s", format_table(rows).c_str());
}

}  // namespace

int runs_command(const GlobalOptions& options, const RunsOptions& given) {
  std::string query = "?limit=" + std::to_string(given.limit);
  for (const auto& [name, value] :
       {std::pair("before", given.before), std::pair("status", given.status), std::pair("pipeline", given.pipeline)}) {
    query += value.empty() ? "" : "&" + std::string(name) + "=" + segment(value);
  }
  const Result<Json> answer = get(options, "/api/v1/runs" + query);
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    return print_json(*answer);
  }
  const Json runs = answer->value("runs", Json::array());
  if (runs.empty()) {
    const bool any = given.before.empty() && given.status.empty() && given.pipeline.empty();
    std::printf(any ? "no runs yet; `luthier run FILE` makes one\n" : "no such runs\n");
    return kExitSuccess;
  }
  const std::int64_t now_ms = SystemClock().now().wall_ms;
  std::vector<std::vector<std::string>> rows = {{"RUN", "PIPELINE", "STATUS", "BY", "CREATED", "TIME"}};
  for (const Json& run : runs) {
    rows.push_back({text_of(run, "id"), text_of(run, "pipeline"), text_of(run, "status"), text_of(run, "submitted_by"),
                    text_of(run, "created_at"), run_duration(run, now_ms)});
  }
  std::printf("%s", format_table(rows).c_str());
  if (const std::string next = text_of(*answer, "next"); !next.empty()) {
    std::printf("older ones: luthier runs --before %s\n", next.c_str());
  }
  return kExitSuccess;
}

int status_command(const GlobalOptions& options, const std::string& run) {
  const Result<Json> found = get(options, "/api/v1/runs/" + segment(run));
  if (!found) {
    return report(found.error());
  }
  if (options.json) {
    return print_json(*found);
  }
  print_run(*found, SystemClock().now().wall_ms);
  return kExitSuccess;
}

int cancel_command(const GlobalOptions& options, const std::string& run) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<Json> cancelled = api->post("/api/v1/runs/" + segment(run) + "/cancel", Json::object());
  if (!cancelled) {
    return report(cancelled.error());
  }
  if (options.json) {
    return print_json(*cancelled);
  }
  std::printf("run %s: %s\n", text_of(*cancelled, "id").c_str(), text_of(*cancelled, "status").c_str());
  return kExitSuccess;
}

int decide_command(const GlobalOptions& options, const DecisionOptions& decision) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const std::string verb = decision.approved ? "approve" : "reject";
  const Result<Json> run =
      api->post("/api/v1/runs/" + segment(decision.run) + "/steps/" + segment(decision.step) + "/" + verb,
                {{"comment", decision.comment}});
  if (!run) {
    return report(run.error());
  }
  if (options.json) {
    return print_json(*run);
  }
  std::printf("%s of run %s: %s; the run: %s\n", printable(decision.step).c_str(), text_of(*run, "id").c_str(),
              decision.approved ? "approved" : "rejected", text_of(*run, "status").c_str());
  return kExitSuccess;
}

}  // namespace luthier::cli
