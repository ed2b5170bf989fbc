// Counts with a tokenizer of which every byte is a token, so that they can be made by hand. ./dev oracle holds them
// against the notebook's arithmetic with cl100k_base.
#include <gtest/gtest.h>

#include "pipelines/data/count/cost.h"
#include "pipelines/data/count/count_file.h"
#include "pipelines/data/count/example_tokens.h"
#include "pipelines/data/count/image_tokens.h"
#include "pipelines/data/count/report.h"
#include "pipelines/data/count/template_tokens.h"
#include "pipelines/text/trainer.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data::count {
namespace {

const text::Tokenizer& bytes() {
  static const text::Tokenizer tokenizer = [] {
    const auto json = text::train_byte_level_bpe({"ab"}, 257, {std::string(text::kEndOfText)});
    LUTHIER_CHECK(json.has_value());
    auto loaded = text::Tokenizer::parse(*json);
    LUTHIER_CHECK(loaded.has_value());
    return std::move(*loaded);
  }();
  return tokenizer;
}

tokens::ModelText byte_model() {
  tokens::ModelText model;
  model.tokenizer = bytes();
  model.no_chat = "m has no chat template";
  return model;
}

ExampleTokens count_of(const char* json) {
  ExampleCounter counter(bytes());
  const auto counted = counter.count(read::Json::parse(json));
  EXPECT_TRUE(counted) << json;
  return counted ? *counted : ExampleTokens{};
}

TEST(ExampleTokens, FollowTheNotebook) {
  const struct {
    const char* json;
    std::int64_t tokens;
    std::int64_t trained;
  } cases[] = {
      {R"({"messages":[]})", 3, 0},
      {R"({"messages":[{"role":"user","content":"12345"}]})", 3 + 3 + 4 + 5, 0},
      {R"({"messages":[{"role":"user","name":"bob","content":""}]})", 3 + 3 + 4 + 3 + 1, 0},
      {R"({"messages":[{"role":"assistant","content":"12345","weight":0}]})", 3 + 3 + 9 + 5, 5},
      {R"({"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function",
        "function":{"name":"f","arguments":"{}"}}]}]})",
       3 + 3 + 9 + 3, 3},
      {R"({"messages":[{"role":"assistant","function_call":{"name":"f","arguments":"{}"}}]})", 3 + 3 + 9 + 3, 3},
      {R"({"messages":[{"role":"tool","tool_call_id":"12","content":"3"}]})", 3 + 3 + 4 + 2 + 1, 0},
      {R"({"messages":[],"tools":[{"a":1}]})", 3 + 9, 0},
      {R"({"messages":[{"role":"user","content":[{"type":"text","text":"123"},{"type":"image_url",
        "image_url":{"url":"https://example.org/a.png","detail":"low"}}]}]})",
       3 + 3 + 4 + 3 + 85, 0},
      {R"({"prompt":"abc ->","completion":" no"})", 9, 3},
      {R"({"text":"abc"})", 3, 3},
      {R"({"text":"abc","label":"no"})", 5, 2},
      {R"({"input":{"messages":[{"role":"user","content":"1"}]},"preferred_output":[{"role":"assistant","content":"12"}],
        "non_preferred_output":[{"role":"assistant","content":"123"}]})",
       3 + 3 + 4 + 1 + 3 + 9 + 2 + 3 + 9 + 3, 5},
      {R"({"messages":[{"role":"user","content":"<|endoftext|>"}]})", 3 + 3 + 4 + 13, 0},  // text, not a special token
  };
  for (const auto& test_case : cases) {
    const ExampleTokens counted = count_of(test_case.json);
    EXPECT_EQ(counted.tokens, test_case.tokens) << test_case.json;
    EXPECT_EQ(counted.trained, test_case.trained) << test_case.json;
  }
  ExampleCounter counter(bytes());
  for (const char* json : {"{}", R"({"messages":7})", R"({"messages":[7]})", R"({"messages":[{"content":7}]})"}) {
    EXPECT_FALSE(counter.count(read::Json::parse(json))) << json;
  }
}

TEST(TemplateTokens, AreWhatATrainingReads) {
  const auto json = text::train_byte_level_bpe({"ab"}, 257, {std::string(text::kEndOfText)});
  ASSERT_TRUE(json);
  tokens::ModelText model;
  model.tokenizer = *text::Tokenizer::parse(*json, text::tokenizer_config_json(text::kEndOfText));
  model.chat = *text::ChatTemplate::parse(
      {{"default", "t",
        "{% for m in messages %}<{{ m.role[0] }}:{{ m.content if m.content is string else 'IMAGE' }}>{% endfor %}"
        "{% if add_generation_prompt %}<a:{% endif %}"}},
      text::ChatJson::object());
  TemplateCounter counter(model, {});
  const struct {
    const char* json;
    std::int64_t tokens;
    std::int64_t trained;
  } cases[] = {
      {R"({"messages":[{"role":"user","content":"12"},{"role":"assistant","content":"345"}]})", 6 + 7, 4},
      {R"({"messages":[{"role":"user","content":"12"},{"role":"assistant","content":"345","weight":0}]})", 6 + 7, 0},
      {R"({"prompt":"abc ->","completion":" no"})", 10, 4},  // and the end of text
      {R"({"text":"abc"})", 4, 4},
      {R"({"input":{"messages":[{"role":"user","content":"1"}]},"preferred_output":[{"role":"assistant","content":"12"}],
        "non_preferred_output":[{"role":"assistant","content":"123"}]})",
       5 + 6 + 5 + 7, 3 + 4},
  };
  for (const auto& test_case : cases) {
    const auto counted = counter.count(read::Json::parse(test_case.json));
    ASSERT_TRUE(counted) << test_case.json << counted.error().message;
    EXPECT_EQ(counted->tokens, test_case.tokens) << test_case.json;
    EXPECT_EQ(counted->trained, test_case.trained) << test_case.json;
  }
  const auto image = counter.count(read::Json::parse(
      R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://e.org/a.png"}}]}]})"));
  ASSERT_FALSE(image);
  EXPECT_NE(image.error().message.find("messages[0]: the template knows no images"), std::string::npos);
}

TEST(ImageTokens, FollowThePublishedRule) {
  EXPECT_EQ(high_detail_tokens(1024, 1024), 765);
  EXPECT_EQ(high_detail_tokens(2048, 4096), 1105);
  EXPECT_EQ(high_detail_tokens(512, 512), 255);
  EXPECT_EQ(high_detail_tokens(1, 1), 255);
  EXPECT_EQ(high_detail_tokens(513, 100), 425);
  EXPECT_EQ(high_detail_tokens(0, 0), 255);
  EXPECT_EQ(high_detail_tokens(4'294'967'295U, 1), 4 * 170 + 85);
  EXPECT_EQ(image_tokens("https://example.org/a.png", "low").tokens, 85);
  EXPECT_FALSE(image_tokens("https://example.org/a.png", "high").size_known);
  EXPECT_FALSE(image_tokens("data:image/png;base64,AAAA", "auto").size_known);
}

TEST(Distribution, HasNumpysNumbers) {
  std::vector<std::uint32_t> values{7, 1, 3, 12, 5, 9};
  const Distribution described = describe(values);
  EXPECT_EQ(described.least, 1);
  EXPECT_EQ(described.most, 12);
  EXPECT_EQ(described.mean, 37.0 / 6);
  EXPECT_EQ(described.median, 6.0);
  EXPECT_EQ(described.p5, 2.0);    // between 1 and 3
  EXPECT_EQ(described.p95, 10.5);  // between 9 and 12
  std::vector<std::uint32_t> one{4};
  EXPECT_EQ(describe(one).p95, 4.0);
}

TEST(Epochs, KeepTheExamplesSeenWithinBounds) {
  const struct {
    std::int64_t examples;
    std::int64_t epochs;
  } cases[] = {{1, 25}, {4, 25}, {5, 20}, {33, 3}, {34, 3}, {8'333, 3}, {8'334, 2}, {12'501, 1}, {1'000'000, 1}};
  for (const auto& test_case : cases) {
    EXPECT_EQ(default_epochs(test_case.examples), test_case.epochs) << test_case.examples;
  }
}

TEST(Cost, IsTheGuidesExample) {
  EXPECT_DOUBLE_EQ(price_of(100'000 * 3, 8), 2.4);
  EXPECT_DOUBLE_EQ(gpu_hours(3'600'000, 1'000, 8), 8);
}

TEST(PriceTable, NamesWhatIsWrong) {
  const auto table =
      parse_price_table(R"({"currency":"EUR","models":{"m":{"training":8,"input":3,"output":6,"context":4096}}})");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->currency, "EUR");
  EXPECT_EQ(table->models.at("m").training, 8);
  EXPECT_EQ(table->models.at("m").context, 4'096);
  EXPECT_FALSE(table->models.at("m").training_context.has_value());
  const std::pair<const char*, const char*> wrong[] = {
      {"[]", "price table: the file must be a JSON object with `models`"},
      {R"({"models":{"m":{}}})",
       "price table: models.m must be given with `training`, the price of a million trained tokens"},
      {R"({"models":{"m":{"training":-1}}})", "price table: models.m.training must be a number from 0"},
      {R"({"models":{"m":{"training":1,"contxt":1}}})",
       "price table: models.m must be without `contxt`; there are training, input, output, training_context and "
       "context"},
      {R"({"models":{"m":{"training":1,"context":0}}})", "price table: models.m.context must be a whole number from 1"},
  };
  for (const auto& [text, message] : wrong) {
    const auto refused = parse_price_table(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().message, message);
  }
}

TEST(CountFile, CutsAtTheTrainingContextAndLooksAtTheOtherApart) {
  const TemporaryFolder folder;
  CountOptions options;
  options.file =
      folder.write("f.jsonl",
                   "{\"prompt\":\"1234567890\",\"completion\":\"12345\"}\n{\"prompt\":\"1\",\"completion\":\"2\"}\n"
                   "{\"prompt\":\n{\"other\":1}\n");
  options.training_context = 10;
  options.context = 12;
  const auto counts = count_file(options, byte_model());
  ASSERT_TRUE(counts) << counts.error().message;
  EXPECT_EQ(counts->examples, 2);
  EXPECT_EQ(counts->skipped_records, 2);
  EXPECT_EQ(counts->tokens, 17);
  EXPECT_EQ(counts->billed, 12);
  EXPECT_EQ(counts->truncated, 1);
  EXPECT_EQ(counts->cut_tokens, 5);
  EXPECT_EQ(counts->longer_than_context, 1);
  const Estimate made = estimate(*counts, {.prices = Prices{.training = 8, .input = 1, .output = 2}});
  EXPECT_EQ(made.epochs, 25);
  EXPECT_EQ(made.trained_tokens, 300);
  EXPECT_DOUBLE_EQ(made.training_price, 300 * 8e-6);
  EXPECT_DOUBLE_EQ(*made.asking_price, 11 * 1e-6 + 6 * 2e-6);
  EXPECT_NE(to_text(*counts, made).find("12 tokens x 25 epochs"), std::string::npos) << to_text(*counts, made);
  EXPECT_NE(to_text(*counts, made).find("counted by the cookbook's notebook"), std::string::npos);
  EXPECT_EQ(to_json(*counts, made)["rule"], "notebook");
  const Estimate timed =
      estimate(*counts, {.epochs = 1, .tokens_per_second = 2, .speed_source = "measured by r-1/train", .gpus = 4});
  EXPECT_DOUBLE_EQ(*timed.gpu_hours, 12.0 / 2 / 3'600 * 4);
  EXPECT_NE(to_text(*counts, timed).find("at 2.00 tokens a second on 4 GPUs (measured by r-1/train)"),
            std::string::npos)
      << to_text(*counts, timed);
  EXPECT_EQ(to_json(*counts, timed)["speed"]["from"], "measured by r-1/train");
  const Estimate without = estimate(*counts, {.epochs = 1, .tokens_per_second = 2, .gpus = 0});
  EXPECT_NE(to_text(*counts, without).find("hours without a GPU"), std::string::npos);
  EXPECT_TRUE(to_json(*counts, without)["gpu_hours"].is_null());
  options.training_context.reset();
  EXPECT_EQ(count_file(options, byte_model())->training_context, 2'048);
}

TEST(CountFile, RefusesAFileWithoutExamples) {
  const TemporaryFolder folder;
  CountOptions options;
  options.file = folder.write("f.jsonl", "{\"a\":1}\n");
  const auto counts = count_file(options, byte_model());
  ASSERT_FALSE(counts);
  EXPECT_NE(counts.error().message.find(":1: it has neither"), std::string::npos) << counts.error().message;
}

}  // namespace
}  // namespace luthier::data::count
