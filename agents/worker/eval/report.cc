#include "agents/worker/eval/report.h"

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

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
  return "| " + name + " | " + metric_text(m.loss) + " | " + metric_text(m.token_accuracy) + " | " +
         metric_text(m.sequence_accuracy) + " | " +
         (m.label_accuracy.has_value() ? metric_text(*m.label_accuracy) : "") + " | " + std::to_string(m.examples) +
         " |\n";
}

}  // namespace

Json to_json(const EvalReport& report) {
  const auto optional_json = [](const std::optional<Measured>& measured) {
    return measured.has_value() ? to_json(measured->metrics) : Json();
  };
  Json samples = Json::array();
  for (const Sample& sample : report.samples) {
    samples.push_back({{"prompt", sample.prompt},
                       {"expected", sample.expected},
                       {"base", sample.base.has_value() ? Json(*sample.base) : Json()},
                       {"tuned", sample.tuned}});
  }
  return {
      {"model", report.model_name},
      {"metrics", to_json(report.model.metrics)},
      {"base_metrics", optional_json(report.base)},
      {"baseline_metrics", optional_json(report.baseline)},
      {"baseline", report.baseline_value},
      {"better", report.verdict.better},
      {"metric", report.verdict.metric},
      {"reason", report.verdict.reason},
      {"comparison", report.verdict.comparison.has_value() ? to_json(*report.verdict.comparison, report.gate) : Json()},
      {"labels", report.labels},
      {"samples", std::move(samples)}};
}

std::string to_markdown(const EvalReport& report) {
  std::string text = "# Evaluation" + (report.model_name.empty() ? "" : " of " + report.model_name) + "\n\n";
  text += (report.verdict.better ? "**Better.** " : "**Not better.** ") + report.verdict.reason + "\n\n";
  text += "| model | loss | token accuracy | sequence accuracy | label accuracy | examples |\n";
  text += "|---|---|---|---|---|---|\n";
  text += metrics_row("tuned", report.model.metrics);
  if (report.base.has_value()) {
    text += metrics_row("base", report.base->metrics);
  }
  if (report.baseline.has_value()) {
    text += metrics_row("baseline", report.baseline->metrics);
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
