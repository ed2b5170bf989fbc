#include "pipelines/data/check/completion_checks.h"

#include <algorithm>
#include <array>

namespace luthier::data::check {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string name_of(char c) { return c == ' ' ? "a space" : c == '\t' ? "a tab" : "a line end"; }

// A text, "" and a complaint otherwise.
std::string_view take(const RecordContext& context, simdjson::dom::object record, std::string_view name,
                      std::string_view code) {
  const auto value = member(record, name);
  const auto text = value ? text_of(*value) : std::nullopt;
  if (!text) {
    context.complain(code, [&] {
      return value ? std::string(name) + " is no text" + (value->is_number() ? ": put the number in quotes" : "")
                   : "has no " + std::string(name);
    });
  }
  return text.value_or(std::string_view());
}

}  // namespace

CompletionFacts check_completion(const RecordContext& context, simdjson::dom::object record, Totals& totals) {
  CompletionFacts facts;
  const auto [prompt, completion] =
      pair_names_of(record).value_or(read::PairNames{.prompt = "prompt", .completion = "completion"});
  if (prompt != "prompt" || completion != "completion") {
    context.complain("member_names", [&, &prompt = prompt, &completion = completion] {
      return quote(prompt) + " was taken for the prompt, " + quote(completion) + " for the completion";
    });
  }
  facts.prompt = take(context, record, prompt, "missing_prompt");
  const std::int64_t missing = totals.findings.count("missing_completion");
  facts.completion = take(context, record, completion, "missing_completion");
  totals.prompts_given += facts.prompt.empty() ? 0 : 1;
  const std::size_t begin = facts.completion.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    if (totals.findings.count("missing_completion") == missing) {
      context.complain("empty_completion", [] { return std::string("completion is empty"); });
    }
    return facts;
  }
  if (begin == 0) {
    totals.starts_plain.add(context.line);
  } else if (begin == 1 && facts.completion[0] == ' ') {
    totals.starts_with_space.add(context.line);
  } else {
    context.complain("completion_leading_whitespace", [&] {
      return "the completion begins with " +
             (begin == 1 ? name_of(facts.completion[0]) : std::to_string(begin) + " blank characters");
    });
  }
  if (is_space(facts.completion.back())) {
    totals.ends_with_space[facts.completion.back()].add(context.line);
  }
  const std::size_t end = facts.completion.find_last_not_of(" \t\r\n");
  totals.answers.add(facts.completion.substr(begin, end - begin + 1), context.line);
  return facts;
}

std::optional<read::PairNames> pair_names_of(simdjson::dom::object record) {
  std::vector<std::string_view> members;
  for (const auto& [name, value] : record) {
    members.push_back(name);
  }
  return read::pick_pair_names(members);
}

void check_answer_space(const RecordContext& context, std::string_view answer) {
  if (is_space(answer.front())) {
    context.complain("completion_leading_whitespace",
                     [&] { return "the last assistant message begins with " + name_of(answer.front()); });
  }
  if (is_space(answer.back())) {
    context.complain("completion_trailing_whitespace",
                     [&] { return "the last assistant message ends with " + name_of(answer.back()); });
  }
}

}  // namespace luthier::data::check
