// `luthier models compare BASE TUNED`: metrics side by side, and with questions what both answer.
#include <cstdio>
#include <set>

#include "base/file.h"
#include "cli/compare_page.h"
#include "cli/generate.h"
#include "cli/models.h"
#include "cli/questions.h"
#include "cli/terminal.h"

namespace luthier::cli {
namespace {

std::vector<MetricRow> metric_rows(const Json& a, const Json& b) {
  const Json of_a = a.value("metrics", Json::object());
  const Json of_b = b.value("metrics", Json::object());
  std::set<std::string> names;
  for (const Json& metrics : {of_a, of_b}) {
    for (const auto& [name, value] : metrics.items()) {
      if (value.is_number() && name != "examples") {  // how many there were says nothing of a model
        names.insert(name);
      }
    }
  }
  std::vector<MetricRow> rows;
  for (const std::string& name : names) {
    rows.push_back({name, of_a.value(name, Json()), of_b.value(name, Json())});
  }
  return rows;
}

Result<std::vector<Question>> all_questions(const CompareOptions& given) {
  std::vector<Question> questions;
  for (const std::string& prompt : given.prompts) {
    questions.push_back(question_of(prompt));
  }
  if (!given.data.empty()) {
    LUTHIER_TRY(const std::vector<Question> records,
                read_questions(given.data, given.limit - static_cast<int>(questions.size())));
    questions.insert(questions.end(), records.begin(), records.end());
  }
  return questions;
}

// One model after the other, for there may not be room for both at once.
Result<void> ask(ApiClient& api, const GlobalOptions& options, const CompareOptions& given, const std::string& model,
                 const std::vector<Question>& questions, std::string Answers::*side, std::vector<Answers>& answers) {
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const GenerateOptions how{
        .model = model, .tokens_max = given.tokens_max, .apply_template = questions[i].apply_template};
    LUTHIER_TRY(const Json answer, generate(api, how, questions[i].asked, [](std::string_view) {}));
    answers[i].*side = trimmed(answer.value("text", ""));
    if (!options.json && is_terminal(2)) {
      std::fprintf(stderr, "\r%s: %zu of %zu answers%s", printable(model).c_str(), i + 1, questions.size(),
                   i + 1 == questions.size() ? "\n" : "");
    }
  }
  return {};
}

// "sports" or "sports@production" -> "sports@2": what was compared, whatever the alias does later.
std::string exact_name(const std::string& reference, const Json& version) {
  return reference.substr(0, reference.find('@')) + "@" + text_of(version, "version");
}

Result<Comparison> compare(const GlobalOptions& options, const CompareOptions& given) {
  Comparison comparison{.first = {}, .second = {}, .source = given.data.empty() ? "the command line" : given.data};
  LUTHIER_TRY(const std::vector<Question> questions, all_questions(given));
  for (const Question& question : questions) {
    comparison.answers.push_back({.prompt = question.shown, .expected = question.expected, .first = {}, .second = {}});
  }
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const Json a, find_version(api, given.a));
  LUTHIER_TRY(const Json b, find_version(api, given.b));
  comparison.first = exact_name(given.a, a);
  comparison.second = exact_name(given.b, b);
  comparison.metrics = metric_rows(a, b);
  LUTHIER_TRY_VOID(ask(api, options, given, comparison.first, questions, &Answers::first, comparison.answers));
  LUTHIER_TRY_VOID(ask(api, options, given, comparison.second, questions, &Answers::second, comparison.answers));
  LUTHIER_TRY(comparison.scores, score_answers(comparison.answers, given.confidence));
  return comparison;
}

Json to_json(const Comparison& comparison) {
  Json json{{"a", comparison.first},
            {"b", comparison.second},
            {"metrics", Json::array()},
            {"scores", Json::array()},
            {"answers", Json::array()}};
  for (const MetricRow& row : comparison.metrics) {
    json["metrics"].push_back({{"metric", row.name}, {"a", row.first}, {"b", row.second}});
  }
  for (const ScoreRow& row : comparison.scores) {
    json["scores"].push_back({{"score", row.name},
                              {"a", row.first},
                              {"b", row.second},
                              {"difference", row.difference},
                              {"low", row.low},
                              {"high", row.high},
                              {"confidence", row.confidence},
                              {"examples", row.examples}});
  }
  for (const Answers& each : comparison.answers) {
    json["answers"].push_back(
        {{"prompt", each.prompt}, {"expected", each.expected}, {"a", each.first}, {"b", each.second}});
  }
  return json;
}

std::string number_text(const Json& value) { return value.is_number() ? format_number(value.get<double>()) : "-"; }

void print_metrics(const Comparison& comparison) {
  std::vector<std::vector<std::string>> rows = {{"METRIC", comparison.first, comparison.second, "DIFFERENCE"}};
  for (const MetricRow& row : comparison.metrics) {
    const bool both = row.first.is_number() && row.second.is_number();
    rows.push_back({row.name, number_text(row.first), number_text(row.second),
                    both ? format_number(row.second.get<double>() - row.first.get<double>()) : ""});
  }
  std::printf("%s", rows.size() == 1 ? "neither version has metrics\n" : format_table(rows).c_str());
}

void print_answers(const Comparison& comparison, bool only_differing) {
  const auto width = static_cast<std::size_t>(terminal_width());
  std::size_t left_out = 0;
  for (std::size_t i = 0; i < comparison.answers.size(); ++i) {
    const Answers& each = comparison.answers[i];
    if (only_differing && !each.differ()) {
      ++left_out;
      continue;
    }
    const Verdict verdict = each.verdict();
    std::printf("\n#%zu  %s\n", i + 1, cut(printable(each.prompt), width - 8).c_str());
    if (each.scored()) {
      std::printf("  expected: %s%s\n", cut(printable(each.expected), width - 40).c_str(),
                  verdict == Verdict::kSecond  ? ("   [" + comparison.second + " better]").c_str()
                  : verdict == Verdict::kFirst ? ("   [" + comparison.second + " worse]").c_str()
                                               : "");
    }
    std::printf("%s%s", side_by_side(comparison.first, comparison.second, width, "  ").c_str(),
                side_by_side(each.first, each.second, width, "  ").c_str());
  }
  if (left_out > 0) {
    std::printf("\n%zu more, with the same answer of both\n", left_out);
  }
}

void print_scores(const Comparison& comparison) {
  for (const ScoreRow& row : comparison.scores) {
    std::printf("\n%s\n", verdict_sentence(row, comparison.first, comparison.second).c_str());
  }
}

}  // namespace

int compare_command(const GlobalOptions& options, const CompareOptions& given) {
  const Result<Comparison> comparison = compare(options, given);
  if (!comparison) {
    return report(comparison.error());
  }
  if (!given.html.empty()) {
    if (const Result<void> written = write_file_atomically(given.html, comparison_page(*comparison)); !written) {
      return report(written.error());
    }
  }
  if (options.json) {
    std::printf("%s\n", to_json(*comparison).dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return kExitSuccess;
  }
  print_metrics(*comparison);
  print_answers(*comparison, given.differing);
  print_scores(*comparison);
  if (!given.html.empty()) {
    std::printf("\n%s shows it side by side\n", printable(given.html).c_str());
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
