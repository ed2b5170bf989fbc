#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "agents/worker/formats/adapter_config.h"
#include "agents/worker/formats/dataset.h"
#include "agents/worker/formats/model_config.h"
#include "agents/worker/formats/model_extras.h"
#include "agents/worker/formats/model_value.h"
#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

const Json kLlama = Json::parse(R"({
  "model_type": "llama", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
  "num_attention_heads": 4, "num_key_value_heads": 2, "rms_norm_eps": 1e-5, "max_position_embeddings": 64,
  "eos_token_id": [1, 2]})");

Json with(const char* patch) {
  Json json = kLlama;
  json.merge_patch(Json::parse(patch));
  return json;
}

TEST(ModelConfig, ReadsBothSpellingsOfRotaryParameters) {
  const char* const kOld = R"({"rope_theta": 500.0, "torch_dtype": "bfloat16", "rope_scaling": {"type": "llama3",
      "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 32}})";
  const char* const kNew = R"({"dtype": "bfloat16", "rope_parameters": {"rope_type": "llama3", "rope_theta": 500.0,
      "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 32}})";
  for (const char* spelling : {kOld, kNew}) {
    auto config = parse_model_config(with(spelling).dump());
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->rope.kind, RopeKind::kLlama3);
    EXPECT_EQ(config->rope.theta, 500.0);
    EXPECT_EQ(config->dtype, "bfloat16");
    EXPECT_EQ(config->head_dim, 8);
    EXPECT_EQ(config->eos_token_ids, (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(rope_inverse_frequencies(*config).front(), 1.0);  // short waves are left as they are
    EXPECT_NEAR(rope_inverse_frequencies(*config).back(), std::pow(500.0, -0.75) / 8, 1e-12);  // long ones are not
  }
}

TEST(ModelConfig, WhatIsNotSupportedIsRefusedByName) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"model_type": "gpt2"})", "gpt2"},
      {R"({"vocab_size": null})", "vocab_size"},
      {R"({"hidden_size": -1})", "hidden_size"},
      {R"({"hidden_size": "32"})", "hidden_size"},
      {R"({"num_key_value_heads": 3})", "num_key_value_heads"},
      {R"({"hidden_size": 30})", "hidden_size"},
      {R"({"head_dim": 7})", "even"},
      {R"({"hidden_act": "gelu"})", "gelu"},
      {R"({"rope_scaling": {"rope_type": "yarn", "factor": 4}})", "yarn"},
      {R"({"rope_scaling": {"rope_type": "llama3", "factor": 4}})", "low_freq_factor"},
      {R"({"rope_scaling": 5})", "rope_scaling"},
      {R"({"quantization_config": {"bits": 4}})", "quantized"},
      {R"({"model_type": "mistral", "sliding_window": 16})", "sliding-window"},
      {R"({"eos_token_id": 100})", "eos_token_id"},
      {R"({"tie_word_embeddings": "yes"})", "tie_word_embeddings"},
      {R"({"rms_norm_eps": 0})", "rms_norm_eps"}};
  for (const auto& [patch, message] : cases) {
    auto config = parse_model_config(with(patch).dump());
    ASSERT_FALSE(config) << patch;
    EXPECT_EQ(config.error().code, ErrorCode::kInvalidArgument);
    EXPECT_THAT(config.error().message, HasSubstr(message)) << patch;
  }
  EXPECT_FALSE(parse_model_config("[]"));
  EXPECT_FALSE(parse_model_config("not json"));
}

TEST(ModelConfig, ANewModelHasTheSizesAskedFor) {
  auto config = config_of_new_model(Json::parse(R"({"architecture": "llama", "tokenizer": {}, "hidden_size": 64,
      "intermediate_size": 128, "num_hidden_layers": 3, "num_attention_heads": 4, "seed": 1})"),
                                    300, 0);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->vocab_size, 300);
  EXPECT_EQ(config->num_key_value_heads, 4);
  EXPECT_TRUE(config->tie_word_embeddings);
  EXPECT_EQ(config->eos_token_ids, std::vector<std::int64_t>{0});
  auto unknown = config_of_new_model(Json::parse(R"({"hidden": 64})"), 300, 0);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("'hidden'"));
}

TEST(AdapterConfig, SurvivesBeingWrittenAndRead) {
  AdapterConfig config{.r = 8,
                       .alpha = 12.5,
                       .dropout = 0.1,
                       .target_modules = {"k_proj", "q_proj"},
                       .use_rslora = true,
                       .base_model_name = "tiny"};
  auto read = parse_adapter_config(adapter_config_text(config));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, config);
  EXPECT_NEAR(read->scale(), 12.5 / std::sqrt(8.0), 1e-12);
}

TEST(AdapterConfig, ReadsWhatPeftWrites) {
  auto config = read_adapter_config(LUTHIER_SOURCE_DIR "/tests/golden/worker/llama_adapter");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->target_modules, (std::vector<std::string>{"down_proj", "o_proj", "q_proj", "v_proj"}));
  EXPECT_EQ(config->scale(), 3.0);
}

TEST(AdapterConfig, WhatWouldChangeTheModelSilentlyIsRefused) {
  const Json good = Json::parse(adapter_config_text({.target_modules = {"q_proj"}}));
  const std::pair<const char*, const char*> cases[] = {{R"({"use_dora": true})", "use_dora"},
                                                       {R"({"modules_to_save": ["lm_head"]})", "modules_to_save"},
                                                       {R"({"bias": "all"})", "bias"},
                                                       {R"({"rank_pattern": {"q_proj": 2}})", "rank_pattern"},
                                                       {R"({"peft_type": "IA3"})", "IA3"},
                                                       {R"({"target_modules": ["c_attn"]})", "c_attn"},
                                                       {R"({"target_modules": []})", "target_modules"},
                                                       {R"({"r": 0})", "r must"},
                                                       {R"({"r": null})", "'r'"},
                                                       {R"({"lora_alpha": -1})", "alpha"}};
  for (const auto& [patch, message] : cases) {
    Json json = good;
    json.merge_patch(Json::parse(patch));
    auto config = parse_adapter_config(json.dump());
    ASSERT_FALSE(config) << patch;
    EXPECT_THAT(config.error().message, HasSubstr(message)) << patch;
  }
}

TEST(LoraOptions, DefaultsAndErrors) {
  auto config = parse_lora_options(Json::parse(R"({"r": 4})"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->alpha, 8);
  EXPECT_EQ(config->target_modules, lora_target_names());
  auto unknown = parse_lora_options(Json::parse(R"({"rank": 4})"));
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("'rank'"));
}

class DatasetTest : public ::testing::Test {
 protected:
  DatasetTest() : tokenizer_(*text::Tokenizer::load(LUTHIER_SOURCE_DIR "/tests/golden/worker/llama")) {}

  Result<Dataset> read(const std::string& lines, std::int64_t length = 64) {
    folder_.write("data.jsonl", lines);
    return read_dataset(folder_.path(), tokenizer_, {length, 0});
  }

  TemporaryFolder folder_;
  text::Tokenizer tokenizer_;
};

TEST_F(DatasetTest, OnlyTheCompletionAndItsEndAreSupervised) {
  auto data = read("{\"prompt\": \"the goalie ->\", \"completion\": \" a goal\"}\n\n");
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->examples.size(), 1U);
  const Example& example = data->examples[0];
  ASSERT_EQ(example.trained.size(), example.ids.size());
  const auto first = std::find(example.trained.begin(), example.trained.end(), true) - example.trained.begin();
  EXPECT_EQ(std::find(example.trained.begin() + first, example.trained.end(), false), example.trained.end());
  const std::vector<TokenId> prompt(example.ids.begin(), example.ids.begin() + first);
  const std::vector<TokenId> completion(example.ids.begin() + first, example.ids.end() - 1);
  EXPECT_EQ(tokenizer_.decode(prompt), "the goalie ->");
  EXPECT_EQ(tokenizer_.decode(completion), " a goal");
  EXPECT_EQ(example.ids.back(), 0);
  EXPECT_EQ(data->records[0].line, 1);
}

TEST_F(DatasetTest, LongRecordsLoseTheBeginningOfTheirPrompt) {
  auto data = read(R"({"prompt": "0123456789", "completion": "ab"})", 5);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(data->truncated_count, 1);
  EXPECT_EQ(tokenizer_.decode(data->examples[0].ids, /*skip_special_tokens=*/true), "789ab");
  EXPECT_EQ(data->examples[0].input_length(), 5);
  EXPECT_EQ(data->examples[0].supervised_count(), 3);
}

TEST_F(DatasetTest, TextsAreJoinedWithEndsAndCutWithOneTokenShared) {
  auto data = read("{\"text\": \"0123\"}\n{\"text\": \"456\"}", 4);
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->examples.size(), 2U);
  EXPECT_EQ(tokenizer_.decode(data->examples[0].ids), "0123<|endoftext|>");
  EXPECT_EQ(tokenizer_.decode(data->examples[1].ids), "<|endoftext|>456<|endoftext|>");
}

TEST_F(DatasetTest, SpecialTokensWrittenInDataAreText) {
  auto data = read(R"({"text": "<|endoftext|>"})");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_GT(data->examples[0].ids.size(), 2U);
  EXPECT_NE(data->examples[0].ids.front(), 0);
}

TEST_F(DatasetTest, MalformedRecordsAreNamedByLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"{\"text\": \"a\"}\nnot json", ":2: not a JSON object"},
      {"{\"prompt\": \"a\"}", ":1: a record needs"},
      {"{\"text\": \"a\"}\n{\"prompt\": \"a\", \"completion\": \"b\"}", ":2: prompt/completion, text and chat"}};
  for (const auto& [lines, message] : cases) {
    auto data = read(lines);
    ASSERT_FALSE(data) << lines;
    EXPECT_EQ(data.error().code, ErrorCode::kDataLoss);
    EXPECT_THAT(data.error().message, HasSubstr(message));
  }
  EXPECT_FALSE(read("\n"));
}

TEST_F(DatasetTest, FingerprintsDifferWhenDataDiffers) {
  const Example all = example_trained_from(1, {1, 2, 3});
  const std::vector<std::vector<Example>> different = {
      {all},
      {example_trained_from(2, {1, 2, 3})},
      {{{1, 2, 3}, {false, true, false}}},
      {{{1, 2, 3}, {false, false, false}}},
      {all, all},
      {example_trained_from(1, {1, 2, 4})},
  };
  std::set<std::uint64_t> seen;
  for (const auto& examples : different) {
    EXPECT_TRUE(seen.insert(fingerprint(examples)).second) << seen.size();
  }
  EXPECT_EQ(fingerprint({all}), fingerprint({{{1, 2, 3}, {true, true, true}}})) << "nothing stands before the first";
}

TEST_F(DatasetTest, FingerprintsOfPromptsAndCompletionsAreThoseOfEarlierReleases) {
  EXPECT_EQ(fingerprint({example_trained_from(2, {1, 2, 3}), example_trained_from(1, {4, 5})}), 0xa7a5826a6a7ccd26ULL);
}

TEST(ModelExtras, SurviveBeingWrittenAndRead) {
  const TemporaryFolder folder;
  const auto file = folder.path() / "luthier.json";
  EXPECT_EQ(*read_model_extras(file), ModelExtras{});
  const ModelExtras extras{" ->", " ", {"\n"}, "classification", {"a", "b"}};
  ASSERT_TRUE(write_model_extras(file, extras));
  EXPECT_EQ(*read_model_extras(file), extras);
  folder.write("luthier.json", R"({"stop": "x"})");
  EXPECT_FALSE(read_model_extras(file));
}

TEST(ModelValue, NamesWhatIsMissing) {
  auto model = parse_model_value(
      Json::parse(R"({"base": {"$path": "/b", "$artifact": "sha256:1"}, "adapter": null, "name": "m"})"), "model");
  ASSERT_TRUE(model);
  EXPECT_EQ(model->base, "/b");
  EXPECT_FALSE(model->adapter.has_value());
  EXPECT_EQ(model->base_artifact["$artifact"], "sha256:1");
  EXPECT_FALSE(parse_model_value(Json("tiny-llama"), "model"));
  auto bad = parse_model_value(Json::parse(R"({"base": {"$path": "/b"}, "adapter": "x"})"), "model");
  ASSERT_FALSE(bad);
  EXPECT_THAT(bad.error().message, HasSubstr("model.adapter"));
}

}  // namespace
}  // namespace luthier::worker
