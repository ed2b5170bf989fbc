#include "cli/data_next.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

#include "cli/format.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kModel = "tiny-llama";  // what the pipeline's author replaces

Json to_json(const data::Finding& finding, const std::vector<std::string>& accepted) {
  Json first = Json::array();
  for (const data::Example& place : finding.first) {
    first.push_back({{"file", place.file}, {"line", place.line}, {"detail", place.detail}});
  }
  Json json = {{"code", finding.code},
               {"severity", data::name_of(finding.severity)},
               {"message", finding.message},
               {"action", finding.action},
               {"text", finding.text},
               {"rows", finding.rows},
               {"first", first}};
  if (finding.severity == data::Severity::kRecommended) {
    json["accepted"] = std::find(accepted.begin(), accepted.end(), finding.code) != accepted.end();
  }
  return json;
}

std::string pipeline_name(const NextSteps& next) {
  std::string name;
  for (const char c : fs::path(next.source).stem().string()) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (letter) {
      name.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    } else if (!name.empty() && name.back() != '-') {
      name.push_back('-');
    }
  }
  while (name.ends_with('-')) {
    name.pop_back();
  }
  return name.empty() || !(name.front() >= 'a' && name.front() <= 'z') ? "my-" + (name.empty() ? "model" : name) : name;
}

std::string in_quotes(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::vector<std::string> usable_files(const NextSteps& next) {
  std::vector<std::string> files;
  if (!next.changes) {
    files.push_back(next.source);
    return files;
  }
  for (const fs::path& file : next.files) {
    files.push_back(file.string());
  }
  return files;
}

// The call of the OpenAI-compatible API, with what the legacy command line would be told of a classification.
std::string api_call(const NextSteps& next) {
  std::string call =
      "  curl \"$LUTHIER_URL/v1/fine_tuning/jobs\" -H \"Authorization: Bearer $LUTHIER_API_KEY\" \\\n"
      "    -H 'Content-Type: application/json' -d '{\"model\": \"" +
      std::string(kModel) + "\", \"training_file\": \"FILE_ID\"";
  call += next.has_validation ? ", \"validation_file\": \"VALIDATION_FILE_ID\"" : "";
  return call + "}'\n";
}

}  // namespace

Json summary_of(const data::Draft& draft, const std::vector<std::string>& accepted) {
  Json findings = Json::array();
  for (const data::Finding& finding : draft.findings) {
    findings.push_back(to_json(finding, accepted));
  }
  Json remedies = Json::object();
  for (const data::Remedy& remedy : draft.report.remedies()) {
    remedies[remedy.code] = remedy.rows;
  }
  return {{"task", data::name_of(draft.task)},
          {"rows", {{"read", draft.report.rows.read}, {"kept", draft.facts->rows.size()}}},
          {"findings", findings},
          {"advice", draft.report.advice},
          {"remedies", remedies}};
}

Json next_json(const NextSteps& next) {
  const data::Advice& advice = next.advice;
  Json json = {{"file", next.source},
               {"shape", data::name_of(advice.shape)},
               {"separator", advice.separator},
               {"ending", advice.ending},
               {"curie_time", advice.curie_seconds > 0 ? Json(legacy_duration(advice.curie_seconds)) : Json()},
               {"written", next.written},
               {"files", usable_files(next)}};
  json["report"] = next.changes ? Json(next.report.string()) : Json();
  json["split"] = {{"train", next.rows.train}, {"validation", next.rows.validation}, {"test", next.rows.test}};
  if (advice.shape == data::Shape::kClassification) {
    json["classes"] = advice.classes;
    json["positive_class"] = advice.classes == 2 ? Json(advice.positive_class) : Json();
  }
  json["pipeline"] = pipeline_snippet(next);
  return json;
}

std::string pipeline_snippet(const NextSteps& next) {
  const std::vector<std::string> files = usable_files(next);
  std::ostringstream out;
  const auto step = [&](const char* name, const std::string& file) {
    out << "  " << name << ": { uses: prepare, with: { source: " << in_quotes(file)
        << ", clean: false, decline: [all] } }\n";
  };
  out << "name: " << pipeline_name(next) << "\nsteps:\n";
  step("training", files.front());
  if (next.has_validation) {
    step("validation", files.at(1));
  }
  out << "  train:\n    uses: train\n    with:\n      model: " << kModel
      << "\n      data: ${{ steps.training.outputs.train }}\n";
  if (next.has_validation) {
    out << "      validation: ${{ steps.validation.outputs.train }}\n";
  }
  out << "      method: { supervised: { n_epochs: auto } }\n";
  return out.str();
}

std::string next_text(const NextSteps& next) {
  const data::Advice& advice = next.advice;
  std::ostringstream out;
  if (next.changes && !next.written) {
    out << (next.plan ? "Nothing was written: this is the plan. It would write:\n" : "Nothing was written.\n");
    if (!next.plan) {
      return out.str();
    }
  } else {
    out << (next.written ? "Written:\n" : "The file can be used as it is:\n");
  }
  for (const std::string& file : usable_files(next)) {
    out << "  " << printable(file) << "\n";
  }
  if (next.changes) {
    out << "  " << printable(next.report.string()) << "/  (report, and every row that was changed or dropped)\n";
  }
  out << "\nTrain on " << (next.has_validation ? "them" : "it") << " with a pipeline such as:\n\n"
      << pipeline_snippet(next)
      << "\n  luthier run FILE.yaml\n\nor, where the controller has the OpenAI-compatible API, with files uploaded for "
         "the purpose fine-tune:\n\n"
      << api_call(next) << "\n";
  if (advice.shape == data::Shape::kClassification) {
    out << "A classification of " << advice.classes << " classes"
        << (advice.classes == 2
                ? "; the more frequent one, " + in_quotes(advice.positive_class) + ", counts as positive"
                : "")
        << ".\n";
  }
  if (!advice.separator.empty()) {
    out << "End the prompts that you ask with " << in_quotes(advice.separator)
        << ", as those of the training data do: the model then answers instead of going on with the prompt.\n";
  }
  // What labels happen to end with ("positive", "negative") is part of the answer.
  if (!advice.ending.empty() && advice.shape != data::Shape::kClassification) {
    out << "Ask with stop=[" << in_quotes(advice.ending) << "], which ends every completion.\n";
  }
  if (advice.curie_seconds > 0) {
    out << "By the legacy tool's rule of thumb, training its model curie would take "
        << legacy_duration(advice.curie_seconds) << "; `luthier plan` says it for your machines.\n";
  }
  return out.str();
}

std::string legacy_duration(double seconds) {
  const auto text = [](double value, const char* unit) {
    std::array<char, 64> digits{};
    (void)std::snprintf(digits.data(), digits.size(), "%.2f", value);
    std::string number = digits.data();
    if (number.ends_with('0')) {
      number.pop_back();
    }
    return number + " " + unit;
  };
  if (seconds < 60) {
    return text(seconds, "seconds");
  }
  if (seconds < 3'600) {
    return text(seconds / 60, "minutes");
  }
  return seconds < 86'400 ? text(seconds / 3'600, "hours") : text(seconds / 86'400, "days");
}

}  // namespace luthier::cli
