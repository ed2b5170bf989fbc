#include "agents/worker/train/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

Result<TrainOptions> parse(const char* text, bool full = false, bool fresh = false) {
  return parse_train_options(Json::parse(text), full, fresh);
}

TEST(TrainOptions, DefaultsDependOnWhatIsTrained) {
  EXPECT_EQ(parse("{}")->learning_rate, 2e-4);
  EXPECT_EQ(parse("{}", true)->learning_rate, 5e-5);
  EXPECT_EQ(parse(R"({"method": {"pretrain": {}}})", true, true)->learning_rate, 1e-3);
  EXPECT_EQ(parse(R"({"method": {"pretrain": {}}})")->method, Method::kPretrain);
}

TEST(TrainOptions, ReadsTheNamesOfTheApi) {
  auto options = parse(R"({"method": {"type": "supervised", "supervised": {"n_epochs": 2, "batch_size": "auto",
      "learning_rate_multiplier": 2, "seed": 9, "warmup_ratio": 0.2, "weight_decay": 0, "max_grad_norm": 0,
      "max_tokens": 32, "lr_schedule": "cosine"}}, "checkpoints": {"every_steps": 5}, "dtype": "bfloat16"})");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->n_epochs, 2);
  EXPECT_FALSE(options->batch_size.has_value());
  EXPECT_EQ(options->learning_rate, 4e-4);
  EXPECT_EQ(options->seed, 9U);
  EXPECT_EQ(options->decay, Decay::kCosine);
  EXPECT_EQ(options->checkpoint_every_steps, 5);
  EXPECT_EQ(options->dtype, "bfloat16");
}

TEST(TrainOptions, AutomaticEpochsDependOnTheData) {
  EXPECT_EQ(parse("{}")->n_epochs, 3);
  EXPECT_EQ(parse(R"({"method": {"pretrain": {}}})")->n_epochs, 1);
  EXPECT_FALSE(parse(R"({"method": {"supervised": {"n_epochs": "auto"}}})")->n_epochs.has_value());
  EXPECT_EQ(parse(R"({"method": {"supervised": {"learning_rate_multiplier": "auto"}}})")->learning_rate, 2e-4);
  const std::pair<std::int64_t, std::int64_t> cases[] = {{0, 25},    {1, 25},    {10, 10},    {33, 3},       {34, 3},
                                                         {8'333, 3}, {8'334, 2}, {20'000, 1}, {1'000'000, 1}};
  for (const auto& [examples, epochs] : cases) {
    EXPECT_EQ(automatic_epochs(Method::kSupervised, examples), epochs) << examples;
  }
  EXPECT_EQ(automatic_epochs(Method::kPretrain, 5), 1);
}

TEST(TrainOptions, ErrorsNameTheMember) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"method": {"supervised": {"epochs": 3}}})", "unknown key 'epochs'"},
      {R"({"method": {"supervised": {"n_epochs": 0}}})", "method.supervised.n_epochs"},
      {R"({"method": {"supervised": {"n_epochs": 1.5}}})", "n_epochs"},
      {R"({"method": {"supervised": {"learning_rate": 0}}})", "learning_rate"},
      {R"({"method": {"supervised": {"warmup_ratio": 2}}})", "warmup_ratio"},
      {R"({"method": {"supervised": {"lr_schedule": "step"}}})", "lr_schedule"},
      {R"({"method": {"dpo": {}}})", "'dpo'"},
      {R"({"method": 3})", "method"},
      {R"({"checkpoints": {"every": 3}})", "'every'"},
      {R"({"dtype": 16})", "dtype"}};
  for (const auto& [text, message] : cases) {
    auto options = parse(text);
    ASSERT_FALSE(options) << text;
    EXPECT_THAT(options.error().message, HasSubstr(message)) << text;
  }
}

TEST(LearningRate, RisesThenFalls) {
  TrainOptions options;
  options.learning_rate = 1;
  options.warmup_ratio = 0.1;
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 5, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 10, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 11, 100), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(options, 56, 100), 0.5);
  EXPECT_GT(learning_rate_at(options, 100, 100), 0);
  options.decay = Decay::kCosine;
  EXPECT_NEAR(learning_rate_at(options, 56, 100), 0.5, 1e-12);
  options.decay = Decay::kConstant;
  EXPECT_EQ(learning_rate_at(options, 100, 100), 1);
  options.warmup_ratio = 0;
  EXPECT_EQ(learning_rate_at(options, 1, 100), 1);
}

TEST(BatchSize, GrowsWithTheData) {
  EXPECT_EQ(default_batch_size(10), 4);
  EXPECT_EQ(default_batch_size(1'000), 8);
  EXPECT_EQ(default_batch_size(1'000'000), 32);
}

}  // namespace
}  // namespace luthier::worker
