#include "controller/http/api/step_times.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <functional>
#include <set>

namespace luthier::http::api {
namespace {

using core::Json;

constexpr int kRunsOfPipelineMax = 10;
constexpr int kRunsOfAllMax = 10;
constexpr std::size_t kNewestMax = 5;  // of the runs that a median is over

// A number among the settings of whichever method the training has; 0 when it is not there.
double setting_of(const Json& with, const char* name) {
  const Json method = with.value("method", Json::object());
  if (method.is_object()) {
    for (const Json& settings : method) {
      if (settings.is_object() && settings.contains(name) && settings[name].is_number()) {
        return settings[name].get<double>();
      }
    }
  }
  return 0;
}

// How much longer a training is than an earlier one on the same data; 0: that cannot be said.
double length_ratio(const Json& with, const Json& earlier) {
  if (with.value("method", Json()) == earlier.value("method", Json())) {
    return 1;
  }
  const auto ratio = [&](const char* name) {
    const double before = setting_of(earlier, name);
    return before > 0 ? setting_of(with, name) / before : 0;
  };
  const bool by_steps = setting_of(with, "max_steps") > 0;
  if (by_steps != (setting_of(earlier, "max_steps") > 0)) {
    return 0;
  }
  return by_steps ? ratio("max_steps") * ratio("batch_size") : ratio("n_epochs");
}

// "$artifact" of with.data, or the base of with.model; empty when it is not there.
std::string data_of(const Json& with) {
  const Json data = with.value("data", Json());
  return data.is_object() ? data.value("$artifact", std::string()) : std::string();
}
Json weights_of(const Json& with) {
  const Json model = with.value("model", Json());
  return model.is_object() ? Json{model.value("base", Json()), model.value("adapter", Json())} : Json();
}

std::string times_text(std::size_t count, const std::string& of) {
  return count == 1 ? "the newest earlier run of " + of
                    : "median of the " + std::to_string(count) + " newest earlier runs of " + of;
}

// The newest that fit, at most kNewestMax.
std::vector<const StepTime*> newest(const std::vector<StepTime>& times,
                                    const std::function<bool(const StepTime&)>& fits) {
  std::vector<const StepTime*> found;
  for (const StepTime& time : times) {
    if (found.size() < kNewestMax && fits(time)) {
      found.push_back(&time);
    }
  }
  return found;
}

std::int64_t median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return static_cast<std::int64_t>(*middle);
}

// Of trainings whose tokens are known, time goes with them.
Guess scaled(const std::vector<const StepTime*>& found, const std::optional<std::int64_t>& tokens,
             const std::string& of) {
  const bool by_tokens =
      tokens && std::all_of(found.begin(), found.end(), [](const StepTime* time) { return time->trained_tokens > 0; });
  std::vector<double> values;
  for (const StepTime* time : found) {
    const double share = by_tokens ? static_cast<double>(*tokens) / static_cast<double>(time->trained_tokens) : 1.0;
    values.push_back(static_cast<double>(time->milliseconds) * share);
  }
  return {median(std::move(values)), times_text(found.size(), of) + (by_tokens ? ", by tokens" : "")};
}

// "2026-11-21T00:20:22.123Z" to Unix milliseconds, as the read models write it.
std::optional<std::int64_t> parse_utc_ms(const Json& time) {
  std::tm parts{};
  int millisecond = 0;
  if (!time.is_string() ||
      std::sscanf(time.get_ref<const std::string&>().c_str(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &parts.tm_year,
                  &parts.tm_mon, &parts.tm_mday, &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &millisecond) != 7) {
    return std::nullopt;
  }
  parts.tm_year -= 1900;
  parts.tm_mon -= 1;
  return static_cast<std::int64_t>(timegm(&parts)) * 1'000 + millisecond;
}

void add_times(const Json& run, std::vector<StepTime>& times) {
  for (const Json& step : run["steps"]) {
    const auto started = parse_utc_ms(step["started_at"]);
    const auto finished = parse_utc_ms(step["finished_at"]);
    if (step.value("status", "") != "succeeded" || step["attempts"].empty() || !started || !finished) {
      continue;
    }
    const Json tokens = step["outputs"].value("trained_tokens", Json());
    times.push_back({.run = run.value("id", ""),
                     .pipeline = run.value("pipeline", ""),
                     .step = step.value("id", ""),
                     .name = step.value("name", ""),
                     .uses = step.value("uses", ""),
                     .milliseconds = *finished - *started,
                     .inputs = step["with"],
                     .trained_tokens = tokens.is_number_integer() ? tokens.get<std::int64_t>() : 0});
  }
}

}  // namespace

Result<std::vector<StepTime>> read_step_times(store::Store& store, const std::string& pipeline) {
  std::vector<StepTime> times;
  std::set<std::string> seen;
  for (const auto& [limit, filter] : {std::pair(kRunsOfPipelineMax, store::RunsFilter{"", pipeline}),
                                      std::pair(kRunsOfAllMax, store::RunsFilter{})}) {
    LUTHIER_TRY(const Json list, store.list_runs(limit, "", filter));
    for (const Json& run : list["runs"]) {
      const std::string id = run.value("id", "");
      if (seen.insert(id).second) {
        LUTHIER_TRY(const Json whole, store.get_run(id));
        add_times(whole, times);
      }
    }
  }
  return times;
}

Guess guess_tokens(const core::StepForecast& step, const std::vector<StepTime>& times) {
  if (std::find(step.open.begin(), step.open.end(), "data") != step.open.end()) {
    return {std::nullopt, "unknown until prepared"};
  }
  const std::string data = data_of(step.with);
  for (const StepTime& time : times) {
    if (data.empty() || data_of(time.inputs) != data || time.trained_tokens <= 0) {
      continue;
    }
    if (const double ratio = length_ratio(step.with, time.inputs); ratio > 0) {
      return {static_cast<std::int64_t>(static_cast<double>(time.trained_tokens) * ratio),
              "as run " + time.run + " counted this data"};
    }
  }
  return {std::nullopt, "unknown: no training on this data is recorded"};
}

Guess guess_time(const std::string& pipeline, const plan::Step& step, const core::StepForecast& found,
                 const Guess& tokens, const std::vector<StepTime>& times) {
  const auto own = newest(times, [&](const StepTime& time) {
    return time.pipeline == pipeline && time.step == step.id.value && time.uses == step.uses;
  });
  if (!own.empty()) {
    return scaled(own, tokens.value, "this step");
  }
  const auto members = newest(times, [&](const StepTime& time) {
    return time.pipeline == pipeline && time.name == step.name && time.uses == step.uses;
  });
  if (!members.empty()) {
    return scaled(members, tokens.value, "other members of '" + step.name + "'");
  }
  if (step.uses == "train" && tokens.value) {
    const auto alike = newest(times, [&](const StepTime& time) {
      return time.uses == "train" && time.trained_tokens > 0 && weights_of(time.inputs) == weights_of(found.with);
    });
    if (!alike.empty()) {
      return scaled(alike, tokens.value, "trainings of the same model");
    }
  }
  return {std::nullopt, "no earlier run"};
}

}  // namespace luthier::http::api
