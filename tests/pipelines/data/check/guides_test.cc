// The usual cases of fine-tuning (pipelines/examples/make_guides.py): what is found in each wrong file, and that the
// right ones lack nothing but size.
#include <gtest/gtest.h>

#include "tests/pipelines/data/check/check_text.h"

namespace luthier::data::check {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(LUTHIER_SOURCE_DIR) / "pipelines/examples/data/guides";

Report check_guide(const std::string& name) {
  CheckOptions options;
  options.file = kFolder / name;
  auto report = check_file(options);
  EXPECT_TRUE(report.has_value()) << (report ? "" : report.error().message);
  return std::move(*report);
}

TEST(Guides, RightFilesLackNothingButSize) {
  for (const auto& [name, task] : {std::pair<const char*, const char*>{"ads", "classification"},
                                   {"sentiment", "classification"},
                                   {"emails", "classification"},
                                   {"entities", "generation"},
                                   {"products", "generation"},
                                   {"support", "generation"},
                                   {"sarcastic", "generation"},
                                   {"headlines", "generation"},
                                   {"functions", "generation"},
                                   {"captions", "generation"}}) {
    SCOPED_TRACE(name);
    const Report report = check_guide(std::string(name) + "/right.jsonl");
    EXPECT_EQ(report.task, task);
    for (const auto& [code, count] : counts_of(report)) {
      EXPECT_TRUE(code == "few_examples" || code == "few_examples_of_class") << code;
    }
  }
}

TEST(Guides, WrongFilesAreWrongInTheirWays) {
  const std::vector<std::pair<std::string, Counts>> cases{
      {"ads/wrong.csv",
       {{"row_fields", 1},
        {"member_names", 11},
        {"completion_trailing_whitespace", 1},
        {"few_examples_of_class", 3},
        {"label_spelling", 1}}},
      {"sentiment/wrong.tsv",
       {{"member_names", 13},
        {"empty_completion", 1},
        {"completion_start_mixed", 1},
        {"encoding_damage", 1},
        {"few_examples_of_class", 2},
        {"duplicate_examples", 1}}},
      {"emails/wrong.jsonl",
       {{"json_over_lines", 1},
        {"missing_completion", 2},
        {"email_address", 1},
        {"few_examples", 1},
        {"dominating_answer", 1}}},
      {"entities/wrong.json",
       {{"json_trailing_comma", 2}, {"json_python_value", 1}, {"missing_completion", 1}, {"few_examples", 1}}},
      {"products/wrong.jsonl",
       {{"empty_completion", 1},
        {"completion_leading_whitespace", 1},
        {"few_examples", 1},
        {"near_duplicate_examples", 1}}},
      {"support/wrong.jsonl",
       {{"message_missing_key", 1},
        {"message_unrecognized_key", 1},
        {"unrecognized_role", 1},
        {"missing_content", 2},
        {"example_missing_assistant_message", 1},
        {"weight_value", 1},
        {"last_message_not_assistant", 1},
        {"secret", 1},
        {"few_examples", 1}}},
      {"sarcastic/wrong.jsonl",
       {{"json_trailing_comma", 1},
        {"json_unescaped_quote", 1},
        {"json_control_character", 1},
        {"example_missing_assistant_message", 1},
        {"too_few_examples", 1}}},
      {"headlines/wrong.jsonl",
       {{"json_single_quotes", 1},
        {"json_unfinished", 1},
        {"data_type", 1},
        {"missing_messages_list", 1},
        {"few_examples", 1},
        {"duplicate_examples", 1}}},
      {"functions/wrong.jsonl",
       {{"same_role_twice", 1},
        {"tools_form", 1},
        {"tool_call_arguments", 2},
        {"tool_call_unanswered", 2},
        {"tool_answer_without_call", 1},
        {"few_examples", 1}}},
      {"captions/wrong.jsonl",
       {{"image_role", 1},
        {"image_detail", 1},
        {"image_count", 1},
        {"image_format", 1},
        {"image_mode", 1},
        {"image_url", 1},
        {"image_not_fetched", 1},
        {"example_without_images", 3},
        {"few_examples", 1}}},
  };
  for (const auto& [file, counts] : cases) {
    SCOPED_TRACE(file);
    EXPECT_EQ(counts_of(check_guide(file)), counts);
  }
}

}  // namespace
}  // namespace luthier::data::check
