// `luthier explain`: why a step waits or failed, and how it stood to the cache, from what the controller kept when the
// step became ready.
#include <cstdio>

#include "cli/api_client.h"
#include "cli/connection.h"
#include "cli/format.h"
#include "cli/runs.h"

namespace luthier::cli {
namespace {

constexpr std::size_t kValueCharactersMax = 90;

std::string shown(const Json& value) {
  if (value.is_null()) {
    return "(not there)";
  }
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kValueCharactersMax) {
    text = text.substr(0, kValueCharactersMax) + "…";
  }
  return text;
}

void print_components(const Json& components) {
  std::printf("What its outputs depend on:\n");
  std::vector<std::vector<std::string>> rows{{"  COMPONENT", "VALUE"}};
  for (const auto& [name, value] : components.items()) {
    if (!value.is_object()) {
      rows.push_back({"  " + name, shown(value)});
      continue;
    }
    for (const auto& [inner, part] : value.items()) {
      rows.push_back({"  " + name + "." + inner, shown(part)});
    }
  }
  std::printf("%s", format_table(rows).c_str());
}

void print_miss(const std::string& step, const char* ran, const Json& cache) {
  const auto nearest = cache.find("nearest");
  if (nearest == cache.end()) {
    std::printf("%s %s: no earlier run of this pipeline that is still remembered has made this step's outputs.\n",
                step.c_str(), ran);
    return;
  }
  std::printf("%s %s, because this differs from run %s:\n", step.c_str(), ran, text_of(*nearest, "run").c_str());
  std::vector<std::vector<std::string>> rows{{"  COMPONENT", "THEN", "NOW"}};
  for (const Json& change : nearest->value("changed", Json::array())) {
    rows.push_back({"  " + text_of(change, "component"), shown(change.value("before", Json())),
                    shown(change.value("now", Json()))});
  }
  std::printf("%s", format_table(rows).c_str());
}

void print_attempts(const Json& step) {
  const Json attempts = step.value("attempts", Json::array());
  if (attempts.empty()) {
    return;
  }
  std::vector<std::vector<std::string>> rows{{"  ATTEMPT", "AGENT", "STATUS", "USED", ""}};
  for (const Json& attempt : attempts) {
    rows.push_back({"  " + text_of(attempt, "number"), text_of(attempt, "agent"), text_of(attempt, "status"),
                    format_usage(attempt.value("usage", Json())), text_of(attempt, "error_message")});
  }
  std::printf("%s", format_table(rows).c_str());
}

// Why it is as it is, as far as there is something to say: of a wait, a failure, a skip.
void print_reason(const Json& step) {
  const std::string reason = text_of(step, "reason");
  const std::string status = text_of(step, "status");
  if (!reason.empty() && status != "succeeded") {
    const bool said = reason.starts_with(status);  // "skipped: …"
    const bool waits = status == "waiting" || status == "ready";
    const std::string verb = said ? "" : (waits ? "waits" : status == "failed" ? "failed" : "is " + status) + ": ";
    std::printf("%s %s\n", printable(text_of(step, "id")).c_str(), printable(verb + reason).c_str());
  }
}

// Of a run that goes on from another: where the step's training began.
void print_start(const Json& step, const Json& run) {
  const Json attempts = step.value("attempts", Json::array());
  const Json at = attempts.empty() ? Json() : attempts.front().value("resume_step", Json());
  if (at.is_number() && !text_of(run, "rerun_of").empty()) {
    std::printf("%s began at step %s, at the newest checkpoint of run %s (`luthier rerun --fresh` starts over).\n",
                text_of(step, "id").c_str(), at.dump().c_str(), text_of(run, "rerun_of").c_str());
  }
}

void print_explanation(const Json& step) {
  const std::string id = text_of(step, "id");
  const Json cache = step.value("cache", Json());
  if (!cache.is_object()) {
    const bool waits = text_of(step, "started_at").empty() && text_of(step, "status") != "succeeded";
    std::printf(waits ? "%s has not become ready (%s), so nothing was looked up.\n"
                      : "%s (%s) needs no process: the controller does it anew each time.\n",
                id.c_str(), waits ? text_of(step, "status").c_str() : text_of(step, "uses").c_str());
    return;
  }
  if (cache.contains("taken_from")) {
    std::printf("%s did not run: it had succeeded in run %s, which this run goes on from%s.\n", id.c_str(),
                text_of(cache, "taken_from").c_str(),
                text_of(step, "cached_from") == text_of(cache, "taken_from")
                    ? ""
                    : ("; its outputs were made by run " + text_of(step, "cached_from")).c_str());
    return;
  }
  const char* ran = step.value("attempts", Json::array()).empty() ? "has to run" : "ran";
  if (cache.contains("off")) {
    std::printf("%s %s: it is never reused (%s).\n", id.c_str(), ran, text_of(cache, "off").c_str());
    return;
  }
  if (cache.contains("hit")) {
    std::printf("%s did not run: run %s made its outputs from the same.\n", id.c_str(),
                text_of(cache["hit"], "run").c_str());
    if (cache["hit"].contains("components")) {
      std::printf(
          "The model serves already; this is the verdict that it was promoted by, not a comparison with itself.\n");
    }
  } else {
    print_miss(id, ran, cache);
  }
  print_components(cache.value("components", Json::object()));
}

}  // namespace

int explain_command(const GlobalOptions& options, const ExplainOptions& explain) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<Json> run = api->get("/api/v1/runs/" + segment(explain.run));
  if (!run) {
    return report(run.error());
  }
  std::string known;
  for (const Json& step : run->value("steps", Json::array())) {
    if (text_of(step, "id") == explain.step) {
      if (options.json) {
        const Json answer{{"step", explain.step},
                          {"status", step.value("status", Json())},
                          {"reason", step.value("reason", Json())},
                          {"cached_from", step.value("cached_from", Json())},
                          {"attempts", step.value("attempts", Json::array())},
                          {"cache", step.value("cache", Json())}};
        std::printf("%s\n", answer.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
        return kExitSuccess;
      }
      print_reason(step);
      print_explanation(step);
      print_start(step, *run);
      print_attempts(step);
      return kExitSuccess;
    }
    known += (known.empty() ? "" : ", ") + text_of(step, "id");
  }
  return report(Error{ErrorCode::kNotFound,
                      "run " + explain.run + " has no step '" + explain.step + "'; its steps are " + known});
}

}  // namespace luthier::cli
