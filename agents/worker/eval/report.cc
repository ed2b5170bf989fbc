#include "agents/worker/eval/report.h"

#include <cmath>
#include <cstdio>

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

std::string number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.4f", value);
  return text;
}

bool lower_is_better(const std::string& name) { return name == "loss"; }

bool beats(const EvalMetrics& metrics, const EvalMetrics& other) {
  if (metrics.label_accuracy.has_value() && other.label_accuracy.has_value() &&
      *metrics.label_accuracy != *other.label_accuracy) {
    return *metrics.label_accuracy > *other.label_accuracy;
  }
  return metrics.loss < other.loss;
}

// "label_accuracy is 0.9900 against 0.5100 of the baseline".
std::string comparison(const std::string& metric, const EvalMetrics& metrics, const EvalMetrics& other,
                       const std::string& name) {
  const double mine = metrics.by_name(metric).value_or(0);
  const double theirs = other.by_name(metric).value_or(0);
  std::string text = metric + " is " + number(mine) + " against " + number(theirs) + " of " + name;
  if (mine == theirs && metric != "loss") {
    text += ", and loss is " + number(metrics.loss) + " against " + number(other.loss);
  }
  return text;
}

// One line, safe inside a table cell.
std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '|') {
      out += "\\|";
    } else if (c != '\r') {
      out += c;
    }
  }
  return out;
}

std::string metrics_row(const std::string& name, const EvalMetrics& m) {
  return "| " + name + " | " + number(m.loss) + " | " + number(m.token_accuracy) + " | " + number(m.sequence_accuracy) +
         " | " + (m.label_accuracy.has_value() ? number(*m.label_accuracy) : "") + " | " + std::to_string(m.examples) +
         " |\n";
}

}  // namespace

std::optional<double> EvalMetrics::by_name(const std::string& name) const {
  if (name == "loss") {
    return loss;
  }
  if (name == "token_accuracy") {
    return token_accuracy;
  }
  if (name == "sequence_accuracy") {
    return sequence_accuracy;
  }
  return name == "label_accuracy" ? label_accuracy : std::nullopt;
}

Json to_json(const EvalMetrics& metrics) {
  Json json = {{"loss", metrics.loss},
               {"token_accuracy", metrics.token_accuracy},
               {"sequence_accuracy", metrics.sequence_accuracy},
               {"examples", metrics.examples}};
  if (metrics.label_accuracy.has_value()) {
    json["label_accuracy"] = *metrics.label_accuracy;
  }
  return json;
}

Verdict decide(const EvalMetrics& metrics, const std::optional<EvalMetrics>& base,
               const std::optional<EvalMetrics>& baseline, const std::map<std::string, double>& thresholds) {
  Verdict verdict{false, metrics.label_accuracy.has_value() ? "label_accuracy" : "loss", ""};
  for (const auto& [name, bound] : thresholds) {
    const std::optional<double> value = metrics.by_name(name);
    const bool met = value.has_value() && (lower_is_better(name) ? *value <= bound : *value >= bound);
    if (!met) {
      verdict.reason = name + (value.has_value() ? " is " + number(*value) : " was not measured") +
                       ", the threshold is " + (lower_is_better(name) ? "at most " : "at least ") + number(bound) + ".";
      return verdict;
    }
  }
  const bool against_base = !baseline.has_value() && thresholds.empty() && base.has_value();
  if (baseline.has_value() || against_base) {
    const EvalMetrics& other = baseline.has_value() ? *baseline : *base;
    verdict.better = beats(metrics, other);
    verdict.reason = comparison(verdict.metric, metrics, other, against_base ? "the base model" : "the baseline") +
                     (verdict.better ? "." : ", which is not better.");
    return verdict;
  }
  verdict.better = true;
  verdict.reason =
      thresholds.empty() ? "There is nothing to compare with." : "All thresholds are met; there is no baseline.";
  return verdict;
}

Result<std::map<std::string, double>> parse_thresholds(const Json& json) {
  std::map<std::string, double> thresholds;
  if (json.is_null()) {
    return thresholds;
  }
  if (!json.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "thresholds must be an object of numbers by metric name"};
  }
  for (const auto& [name, value] : json.items()) {
    if (!EvalMetrics{.label_accuracy = 0}.by_name(name).has_value()) {
      return Error{
          ErrorCode::kInvalidArgument,
          "thresholds: unknown metric '" + name + "' (known: loss, token_accuracy, sequence_accuracy, label_accuracy)"};
    }
    if (!value.is_number()) {
      return Error{ErrorCode::kInvalidArgument, "thresholds." + name + " must be a number"};
    }
    thresholds[name] = value.get<double>();
  }
  return thresholds;
}

Json to_json(const EvalReport& report) {
  const auto optional_json = [](const std::optional<EvalMetrics>& metrics) {
    return metrics.has_value() ? to_json(*metrics) : Json();
  };
  Json samples = Json::array();
  for (const Sample& sample : report.samples) {
    samples.push_back({{"prompt", sample.prompt},
                       {"expected", sample.expected},
                       {"base", sample.base.has_value() ? Json(*sample.base) : Json()},
                       {"tuned", sample.tuned}});
  }
  return {{"model", report.model_name},
          {"metrics", to_json(report.metrics)},
          {"base_metrics", optional_json(report.base)},
          {"baseline_metrics", optional_json(report.baseline)},
          {"better", report.verdict.better},
          {"metric", report.verdict.metric},
          {"reason", report.verdict.reason},
          {"labels", report.labels},
          {"samples", std::move(samples)}};
}

std::string to_markdown(const EvalReport& report) {
  std::string text = "# Evaluation" + (report.model_name.empty() ? "" : " of " + report.model_name) + "\n\n";
  text += (report.verdict.better ? "**Better.** " : "**Not better.** ") + report.verdict.reason + "\n\n";
  text += "| model | loss | token accuracy | sequence accuracy | label accuracy | examples |\n";
  text += "|---|---|---|---|---|---|\n";
  text += metrics_row("tuned", report.metrics);
  if (report.base.has_value()) {
    text += metrics_row("base", *report.base);
  }
  if (report.baseline.has_value()) {
    text += metrics_row("baseline", *report.baseline);
  }
  if (!report.samples.empty()) {
    text += "\n## Samples\n\n| prompt | expected | base | tuned |\n|---|---|---|---|\n";
    for (const Sample& sample : report.samples) {
      text += "| " + cell(sample.prompt) + " | " + cell(sample.expected) + " | " + cell(sample.base.value_or("")) +
              " | " + cell(sample.tuned) + " |\n";
    }
  }
  return text;
}

}  // namespace luthier::worker
