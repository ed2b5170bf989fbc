// `luthier plan`: what a run of a file would do now. The controller says what is reused and how long steps took;
// without one, only what the file itself says is shown.
#include "cli/plan.h"

#include <algorithm>
#include <cstdio>

#include "cli/api_client.h"
#include "cli/format.h"
#include "cli/local_sources.h"
#include "cli/pipeline_file.h"
#include "cli/plan_tokens.h"

namespace luthier::cli {
namespace {

std::string join(const std::vector<StepId>& ids) {
  std::string text;
  for (const StepId& id : ids) {
    text += (text.empty() ? "" : ", ") + id.value;
  }
  return text;
}

std::string resources_text(const plan::Resources& resources) {
  std::string text = format_number(resources.cpus) + " CPU";
  if (resources.gpus > 0) {
    text += ", " + std::to_string(resources.gpus) + " GPU";
  }
  if (resources.memory_bytes > 0) {
    text += ", " + format_bytes(resources.memory_bytes);
  }
  return resources.nodes > 1 ? std::to_string(resources.nodes) + " × (" + text + ")" : text;
}

void print_params(const Json& params) {
  if (!params.empty()) {
    std::printf("\nparams: %s\n", printable(params.dump(-1, ' ', false, Json::error_handler_t::replace)).c_str());
  }
}

void print_offline(const plan::Plan& plan, const std::string& why) {
  std::vector<std::vector<std::string>> rows = {{"STEP", "USES", "AFTER", "WHERE", "RESOURCES", "IF"}};
  for (const plan::Step& step : plan.steps) {
    const bool on_agent = step.place == plan::Place::kAgent;
    rows.push_back({step.id.value, step.uses, join(step.needs), on_agent ? "agent" : "controller",
                    on_agent ? resources_text(step.resources) : "", step.condition});
  }
  std::printf("%s: %zu step%s\n\n%s", plan.pipeline.c_str(), plan.steps.size(), plan.steps.size() == 1 ? "" : "s",
              format_table(rows).c_str());
  print_params(plan.params);
  std::printf("\n");
  for (const plan::Step& step : plan.steps) {
    if (step.uses == "train") {
      std::printf("tokens of %s: unknown: what they are counted with is on the controller\n", step.id.value.c_str());
    }
  }
  std::printf("What would be reused, and how long it would take, is not known: %s\n", why.c_str());
}

constexpr std::size_t kValueCharactersMax = 40;

std::string shown(const Json& value) {
  return value.is_null()
             ? "(not there)"
             : cut(printable(value.dump(-1, ' ', false, Json::error_handler_t::replace)), kValueCharactersMax);
}

// "with.seed 1 → 2, environment.cpus 1.0 → 2.0"
std::string changes_text(const Json& changed) {
  std::string text;
  for (const Json& change : changed) {
    text += (text.empty() ? "" : ", ") + text_of(change, "component") + " " + shown(change.value("before", Json())) +
            " → " + shown(change.value("now", Json()));
  }
  return text;
}

std::string reason_of(const Json& step) {
  std::string why = text_of(step, "why");
  const Json cache = step.value("cache", Json());
  if (cache.is_object() && cache.contains("nearest")) {
    const std::string changes = changes_text(cache["nearest"].value("changed", Json::array()));
    why += changes.empty() ? "" : (text_of(step, "waits_for") == "[]" ? ": " : "; differs already: ") + changes;
  }
  return why;
}

std::string what_of(const Json& step) {
  const std::string decision = text_of(step, "decision");
  if (decision == "reuse") {
    return "reuse";
  }
  return decision == "controller" ? "do" : decision == "open" ? "open" : decision == "fail" ? "FAIL" : decision;
}

std::string time_of(const Json& step) {
  const Json guess = step.value("milliseconds", Json());
  if (!guess.is_object()) {
    return "";
  }
  return guess["value"].is_number_integer() ? format_duration(guess["value"].get<std::int64_t>()) : "?";
}

int count_of(const Json& steps, const std::string& decision) {
  int count = 0;
  for (const Json& step : steps) {
    count += text_of(step, "decision") == decision ? 1 : 0;
  }
  return count;
}

// Which times and token counts rest on what, each reason once.
void print_bases(const Json& steps) {
  for (const Json& step : steps) {
    const Json tokens = step.value("tokens", Json());
    if (tokens.is_object()) {
      const bool known = tokens["value"].is_number_integer();
      std::printf("tokens of %s: %s%s\n", text_of(step, "id").c_str(),
                  known ? (format_count(tokens["value"].get<std::int64_t>()) + ", ").c_str() : "",
                  text_of(tokens, "why").c_str());
    }
  }
  std::map<std::string, std::string> by_reason;
  for (const Json& step : steps) {
    const Json guess = step.value("milliseconds", Json());
    if (guess.is_object()) {
      std::string& names = by_reason[text_of(guess, "why")];
      names += (names.empty() ? "" : ", ") + text_of(step, "id");
    }
  }
  for (const auto& [why, names] : by_reason) {
    std::printf("time of %s: %s\n", cut(names, 100).c_str(), why.c_str());
  }
}

// Of each step that asks for GPUs and whose time is known, which rests on what such steps took before.
void add_gpu_hours(const plan::Plan& plan, Json& steps) {
  for (Json& step : steps) {
    const auto planned = std::find_if(plan.steps.begin(), plan.steps.end(),
                                      [&](const plan::Step& each) { return each.id.value == text_of(step, "id"); });
    const Json guess = step.value("milliseconds", Json());
    if (planned != plan.steps.end() && guess.is_object() && guess["value"].is_number_integer()) {
      const int gpus = planned->resources.nodes * planned->resources.gpus;
      step["gpu_hours"] = guess["value"].get<double>() / 3.6e6 * gpus;
    }
  }
}

void print_gpu_hours(const Json& steps) {
  double all = 0;
  std::string parts;
  for (const Json& step : steps) {
    const double hours = step.value("gpu_hours", 0.0);
    all += hours;
    parts += hours > 0 ? (parts.empty() ? "" : ", ") + text_of(step, "id") + " " + format_number(hours) : "";
  }
  if (all > 0) {
    std::printf("GPU-hours: about %s (%s)\n", format_number(all).c_str(), parts.c_str());
  }
}

void print_forecast(const Json& answer) {
  const Json steps = answer.value("steps", Json::array());
  std::vector<std::vector<std::string>> rows = {{"STEP", "USES", "WHAT", "TIME", "WHY"}};
  for (const Json& step : steps) {
    rows.push_back({text_of(step, "id"), text_of(step, "uses"), what_of(step), time_of(step), reason_of(step)});
  }
  std::printf("%s: %zu step%s; %d to run, %d reused, %d of the controller, %d skipped, %d open\n\n%s",
              text_of(answer, "pipeline").c_str(), steps.size(), steps.size() == 1 ? "" : "s", count_of(steps, "run"),
              count_of(steps, "reuse"), count_of(steps, "controller"), count_of(steps, "skip"), count_of(steps, "open"),
              format_table(rows).c_str());
  print_params(answer.value("params", Json::object()));
  std::printf("\n");
  print_bases(steps);
  print_gpu_hours(steps);
  const std::int64_t all_ms = answer.value("milliseconds", std::int64_t{0});
  if (answer.value("milliseconds_complete", false)) {
    std::printf("all of it: about %s, if agents have room\n", format_duration(all_ms).c_str());
  } else {
    std::printf("all of it: %s, because the time of some step is not known\n",
                all_ms == 0 ? "unknown" : ("more than " + format_duration(all_ms)).c_str());
  }
}

void print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

// What the controller says; an Error when none can be asked.
Result<Json> ask(const GlobalOptions& options, const PipelineFile& file, const plan::Plan& plan) {
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const Json sources, local_sources(file));
  Json params = Json::object();
  for (const auto& [name, value] : file.params) {
    params[name] = value;
  }
  Json body{{"yaml", file.yaml}, {"file", file.path.string()}, {"params", std::move(params)}, {"sources", sources}};
  LUTHIER_TRY(Json answer, api.post("/api/v1/plans", body));
  const Json counted = count_plan_tokens(api, file, plan, answer);
  body["tokens"] = Json::object();
  for (const auto& [step, tokens] : counted.items()) {
    if (!tokens["value"].is_null()) {
      body["tokens"][step] = tokens;
    }
  }
  if (!body["tokens"].empty()) {  // once more, for times go with tokens
    LUTHIER_TRY(answer, api.post("/api/v1/plans", body));
  }
  for (Json& step : answer["steps"]) {
    if (const auto found = counted.find(text_of(step, "id")); found != counted.end()) {
      step["tokens"] = *found;
    }
  }
  add_gpu_hours(plan, answer["steps"]);
  return answer;
}

}  // namespace

int plan_command(const GlobalOptions& options, const FileOptions& given) {
  const Result<PipelineFile> file = read_pipeline(given.file, given.params);
  if (!file) {
    return report(file.error());
  }
  if (!file->parsed.spec) {
    return refuse(options, *file, file->parsed.errors);
  }
  const plan::MadePlan made = plan::make_plan(*file->parsed.spec, file->params, {}, plan::PlanMode::kOffline);
  if (!made.plan) {
    return refuse(options, *file, made.errors);
  }
  const Result<Json> answer = ask(options, *file, *made.plan);
  if (options.json) {
    // Without a controller the plan itself, and why there is no more.
    Json offline = plan::to_json(*made.plan);
    if (!answer) {
      offline["note"] = answer.error().message;
    }
    print_json(answer ? *answer : offline);
  } else if (answer) {
    print_forecast(*answer);
  } else {
    print_offline(*made.plan, answer.error().message);
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
