#include "pipelines/data/settings.h"

#include <gtest/gtest.h>

namespace luthier::data {
namespace {

using Json = nlohmann::json;

TEST(Settings, ReadsEveryMember) {
  const auto settings = parse_settings(Json::parse(R"({"source":{"$path":"/s","$artifact":"sha256:x"},"format":"csv",
    "task":"classification","columns":{"prompt":"p","completion":"c"},"labels":["a","b"],
    "split":{"validation":0.1,"test":0.2,"seed":18446744073709551615},"tokenizer":null})"));
  ASSERT_TRUE(settings) << settings.error().message;
  EXPECT_EQ(settings->source, "/s");
  EXPECT_EQ(settings->format, read::FileFormat::kCsv);
  EXPECT_EQ(settings->task, Task::kClassification);
  EXPECT_EQ(settings->prompt_column, "p");
  EXPECT_EQ(settings->completion_column, "c");
  EXPECT_EQ(settings->labels, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(settings->split.validation, 0.1);
  EXPECT_EQ(settings->split.test, 0.2);
  EXPECT_EQ(settings->split.seed, ~std::uint64_t{0});
  EXPECT_EQ(settings->tokenizer_vocab_size, 0u);
}

TEST(Settings, NamesTheMemberThatIsWrong) {
  const struct {
    const char* change;  // merged into a good one
    const char* part;
  } cases[] = {
      {R"({"source":null})", "`source`"},
      {R"({"source":"data.csv"})", "`source`"},
      {R"({"sorce":1})", "`sorce` is not a setting; there are: source,"},
      {R"({"format":"xml"})", "`format`"},
      {R"({"task":"classify"})", "`task`"},
      {R"({"columns":{"label":"x"}})", "`columns.label`"},
      {R"({"columns":{"prompt":3}})", "`columns.prompt`"},
      {R"({"columns":{"text":"a","prompt":"b"}})", "`columns.text`"},
      {R"({"labels":"a"})", "`labels`"},
      {R"({"labels":["a",""]})", "`labels`"},
      {R"({"split":0.1})", "`split`"},
      {R"({"split":{"validation":1}})", "`split.validation`"},
      {R"({"split":{"validation":-0.1}})", "`split.validation`"},
      {R"({"split":{"validation":0.6,"test":0.5}})", "`split`"},
      {R"({"split":{"seed":-1}})", "`split.seed`"},
      {R"({"split":{"seed":1.5}})", "`split.seed`"},
      {R"({"tokenizer":{}})", "`tokenizer.vocab_size`"},
      {R"({"tokenizer":{"vocab_size":256}})", "`tokenizer.vocab_size`"},
      {R"({"task":"generation","tokenizer":{"vocab_size":300}})", "`tokenizer`"},
  };
  for (const auto& test_case : cases) {
    Json with = {{"source", {{"$path", "/s"}}}};
    with.update(Json::parse(test_case.change));
    const auto settings = parse_settings(with);
    ASSERT_FALSE(settings) << test_case.change;
    EXPECT_EQ(settings.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(settings.error().message.find(test_case.part), std::string::npos) << settings.error().message;
  }
  EXPECT_FALSE(parse_settings(Json::array()));
}

}  // namespace
}  // namespace luthier::data
