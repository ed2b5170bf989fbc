// `luthier models compare A B`: metrics side by side, and with prompts what both answer.
#include <cstdio>
#include <fstream>
#include <set>

#include "cli/format.h"
#include "cli/generate.h"
#include "cli/models.h"

namespace luthier::cli {
namespace {

struct Question {
  std::string prompt;
  std::string expected;  // "" when not known
};

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

Result<std::vector<Question>> read_questions(const CompareOptions& given) {
  std::vector<Question> questions;
  for (const std::string& prompt : given.prompts) {
    questions.push_back({prompt, ""});
  }
  if (given.data.empty()) {
    return questions;
  }
  std::ifstream file(given.data);
  if (!file) {
    return Error{ErrorCode::kInvalidArgument, "cannot read " + given.data};
  }
  std::string line;
  for (int number = 1; static_cast<int>(questions.size()) < given.limit && std::getline(file, line); ++number) {
    if (trimmed(line).empty()) {
      continue;
    }
    const Json record = Json::parse(line, nullptr, false);
    if (!record.is_object() || !record.contains("prompt") || !record["prompt"].is_string()) {
      return Error{ErrorCode::kInvalidArgument,
                   given.data + ":" + std::to_string(number) + ": expected {\"prompt\": text, \"completion\": text}"};
    }
    const Json completion = record.value("completion", Json());
    questions.push_back({record["prompt"], completion.is_string() ? trimmed(completion.get<std::string>()) : ""});
  }
  return questions;
}

Json metric_rows(const Json& a, const Json& b) {
  const Json of_a = a.value("metrics", Json::object());
  const Json of_b = b.value("metrics", Json::object());
  std::set<std::string> names;
  for (const Json& metrics : {of_a, of_b}) {
    for (const auto& [name, value] : metrics.items()) {
      if (value.is_number()) {
        names.insert(name);
      }
    }
  }
  Json rows = Json::array();
  for (const std::string& name : names) {
    rows.push_back({{"metric", name}, {"a", of_a.value(name, Json())}, {"b", of_b.value(name, Json())}});
  }
  return rows;
}

Result<Json> ask_both(ApiClient& api, const CompareOptions& given, const std::vector<Question>& questions) {
  Json answers = Json::array();
  for (const Question& question : questions) {
    Json row = {{"prompt", question.prompt}, {"expected", question.expected}};
    for (const auto& [side, model] : {std::pair("a", given.a), std::pair("b", given.b)}) {
      GenerateOptions options{.model = model, .tokens_max = given.tokens_max};
      // A record of a prepared dataset ends with its suffix already.
      options.apply_template = question.expected.empty();
      LUTHIER_TRY(const Json answer, generate(api, options, question.prompt, [](std::string_view) {}));
      row[side] = trimmed(answer.value("text", ""));
    }
    answers.push_back(std::move(row));
  }
  return answers;
}

Result<Json> compare(const GlobalOptions& options, const CompareOptions& given) {
  LUTHIER_TRY(const std::vector<Question> questions, read_questions(given));
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const Json a, find_version(api, given.a));
  LUTHIER_TRY(const Json b, find_version(api, given.b));
  LUTHIER_TRY(Json answers, ask_both(api, given, questions));
  return Json{{"a", given.a}, {"b", given.b}, {"metrics", metric_rows(a, b)}, {"answers", std::move(answers)}};
}

std::string number_text(const Json& value) { return value.is_number() ? format_number(value.get<double>()) : "-"; }

void print_answers(const Json& comparison) {
  int expected = 0;
  int right_a = 0;
  int right_b = 0;
  std::vector<std::vector<std::string>> rows = {
      {"PROMPT", "EXPECTED", text_of(comparison, "a"), text_of(comparison, "b")}};
  for (const Json& row : comparison["answers"]) {
    rows.push_back({cut(text_of(row, "prompt"), 40), cut(text_of(row, "expected"), 24), cut(text_of(row, "a"), 32),
                    cut(text_of(row, "b"), 32)});
    if (const Json& wanted = row["expected"]; wanted != "") {
      ++expected;
      right_a += row["a"] == wanted ? 1 : 0;
      right_b += row["b"] == wanted ? 1 : 0;
    }
  }
  std::printf("\n%s", format_table(rows).c_str());
  if (expected > 0) {
    std::printf("\nas expected: %s %d, %s %d, of %d\n", text_of(comparison, "a").c_str(), right_a,
                text_of(comparison, "b").c_str(), right_b, expected);
  }
}

}  // namespace

int compare_command(const GlobalOptions& options, const CompareOptions& given) {
  const Result<Json> comparison = compare(options, given);
  if (!comparison) {
    return report(comparison.error());
  }
  if (options.json) {
    std::printf("%s\n", comparison->dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows = {{"METRIC", given.a, given.b, "DIFFERENCE"}};
  for (const Json& row : comparison->at("metrics")) {
    const bool both = row["a"].is_number() && row["b"].is_number();
    rows.push_back({text_of(row, "metric"), number_text(row["a"]), number_text(row["b"]),
                    both ? format_number(row["b"].get<double>() - row["a"].get<double>()) : ""});
  }
  std::printf("%s", rows.size() == 1 ? "neither version has metrics\n" : format_table(rows).c_str());
  if (!comparison->at("answers").empty()) {
    print_answers(*comparison);
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
