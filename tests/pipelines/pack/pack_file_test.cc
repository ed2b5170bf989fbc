#include "pipelines/data/pack/pack_file.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <nlohmann/json.hpp>

#include "base/digest/digest.h"
#include "base/file.h"
#include "pipelines/pack/shard.h"
#include "pipelines/text/chat/plain_template.h"
#include "pipelines/text/trainer.h"

namespace luthier::data::pack {
namespace {

namespace packed = luthier::pack;

class PackFile : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "luthier-pack.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    const auto trained = text::train_byte_level_bpe({"the cat sat on the mat"}, 270, {std::string(text::kEndOfText)});
    ASSERT_TRUE(trained);
    ASSERT_TRUE(write_file_atomically(folder_ / "tokenizer.json", *trained));
    ASSERT_TRUE(
        write_file_atomically(folder_ / "tokenizer_config.json", text::tokenizer_config_json(text::kEndOfText)));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  PackOptions options(const std::string& rows, const std::string& out = "out") {
    EXPECT_TRUE(write_file_atomically(folder_ / "data.jsonl", rows));
    PackOptions options;
    options.file = folder_ / "data.jsonl";
    auto model = tokens::load_model_text(folder_, {}, "model");
    EXPECT_TRUE(model) << model.error().message;
    options.model = std::move(*model);
    options.out = folder_ / out;
    options.budget = 16;
    options.seed = 3;
    return options;
  }

  // Samples by id, put together again where they were cut.
  std::map<std::uint64_t, std::string> texts(const std::filesystem::path& out, std::uint64_t* bins = nullptr) {
    const auto pack = packed::Pack::open(out);
    EXPECT_TRUE(pack) << (pack ? "" : pack.error().message);
    const auto tokenizer = text::Tokenizer::load(folder_);
    std::map<std::uint64_t, std::string> result;
    for (std::uint64_t bin = 0; bin < pack->bins(); ++bin) {
      std::size_t total = 0;
      for (const packed::Sample& sample : pack->read_bin(bin)) {
        total += sample.tokens.size();
        std::string& text = result[sample.id];
        for (std::size_t i = 0; i < sample.tokens.size(); ++i) {
          text += (sample.trained[i] ? "+" : "-") + std::string(tokenizer->token_bytes(sample.tokens[i]));
        }
      }
      EXPECT_LE(total, 16u);
    }
    if (bins != nullptr) {
      *bins = pack->bins();
    }
    return result;
  }
  std::filesystem::path folder_;
};

std::string rows(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += "{\"prompt\":\"the " + std::string(static_cast<std::size_t>(i % 5), 'x') + "\",\"completion\":\" " +
            std::to_string(i) + "\"}\n";
  }
  return text;
}

TEST_F(PackFile, LearnsCompletionsAndTheirEnd) {
  const auto report =
      pack_file(options("{\"prompt\":\"ab\",\"completion\":\"c\"}\n{\"prompt\":\"z\",\"completion\":\"\"}\n"));
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->samples, 2u);
  EXPECT_EQ(report->tokens, 6u);
  EXPECT_EQ(report->trained_tokens, 3u);
  EXPECT_EQ(report->bins, 1u);
  EXPECT_EQ(texts(folder_ / "out"),
            (std::map<std::uint64_t, std::string>{{0, "-a-b+c+<|endoftext|>"}, {1, "-z+<|endoftext|>"}}));
}

TEST_F(PackFile, KeepsTheEndOfLongPromptsAndCutsLongTexts) {
  const auto pairs = pack_file(options("{\"prompt\":\"" + std::string(30, 'a') + "b\",\"completion\":\"c\"}\n"));
  ASSERT_TRUE(pairs);
  EXPECT_EQ(pairs->truncated, 1u);
  const std::string kept = texts(folder_ / "out")[0];
  EXPECT_NE(kept.find("-b+c+<|endoftext|>"), std::string::npos);
  const auto long_text = pack_file(options("{\"text\":\"" + std::string(40, 'q') + "\"}\n", "texts"));
  ASSERT_TRUE(long_text);
  EXPECT_EQ(long_text->cut, 1u);
  EXPECT_EQ(long_text->tokens, 43u);  // neighbouring parts share one
  EXPECT_EQ(long_text->trained_tokens, 40u);
  EXPECT_EQ(long_text->bins, 3u);
}

// Every byte a token; a turn is "<ROLE:CONTENT>".
constexpr const char* kTemplate =
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    "<{{ m.role[0] }}:{{ m.content }}>{% endfor %}{% if add_generation_prompt %}<a:{% endif %}";

std::string chat(const std::string& messages) { return "{\"messages\":[" + messages + "]}\n"; }
std::string turn(const std::string& role, const std::string& content, const std::string& more = "") {
  return "{\"role\":\"" + role + "\",\"content\":\"" + content + "\"" + more + "}";
}

TEST_F(PackFile, LearnsOfChatsWhatTemplateAndWeightsSay) {
  ASSERT_TRUE(write_file_atomically(folder_ / "chat_template.jinja", std::string(kTemplate)));
  const std::string user = turn("user", "hi");
  const struct {
    const char* what;
    std::string rows;
    std::map<std::uint64_t, std::string> texts;
    std::uint64_t truncated = 0;
    std::uint64_t mended = 0;
    std::map<Dropped, std::uint64_t> dropped;
  } cases[] = {
      {"an answer and its end", chat(user + "," + turn("assistant", "ho")), {{0, "-<-u-:-h-i->-<-a-:+h+o+>"}}},
      {"a weight of 0",
       chat(turn("user", "h") + "," + turn("assistant", "x", ",\"weight\":0") + "," + turn("assistant", "y")),
       {{0, "-<-u-:-h->-<-a-:-x->-<-a-:+y+>"}}},
      {"a long chat keeps its beginning",
       chat(user + "," + turn("assistant", "0123456789")),
       {{0, "-<-u-:-h-i->-<-a-:+0+1+2+3+4+5+6"}},
       1},
      {"what template and user disagree about is mended",
       chat(turn("system", "s") + "," + turn("user", "u") + "," + turn("assistant", "a")),
       {{0, "-<-u-:-s-\n-\n-u->-<-a-:+a+>"}},
       0,
       1},
      {"nothing to learn is dropped",
       chat(user) + chat(user + "," + turn("assistant", "x", ",\"weight\":0")) +
           chat(turn("user", "0123456789abc") + "," + turn("assistant", "y")) +
           chat(user + "," + turn("assistant", "k")),
       {{3, "-<-u-:-h-i->-<-a-:+k+>"}},
       0,
       0,
       {{Dropped::kNothingTrained, 2}, {Dropped::kCutAway, 1}}},
  };
  int number = 0;
  for (const auto& test_case : cases) {
    SCOPED_TRACE(test_case.what);
    const std::string out = "chat" + std::to_string(number++);
    const auto report = pack_file(options(test_case.rows, out));
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(texts(folder_ / out), test_case.texts);
    EXPECT_EQ(report->truncated, test_case.truncated);
    EXPECT_EQ(report->mended, test_case.mended);
    std::map<Dropped, std::uint64_t> dropped;
    for (const auto& [reason, records] : report->dropped) {
      dropped[reason] = records.count;
    }
    EXPECT_EQ(dropped, test_case.dropped);
    const auto json = nlohmann::json::parse(*read_file(folder_ / out / "pack.json"));
    EXPECT_EQ(json["dropped"].size(), test_case.dropped.size());
    EXPECT_EQ(json["tokenizer"], *sha256_digest_of_file(folder_ / "tokenizer.json"));
  }
}

TEST_F(PackFile, BringsTheTemplateThatTheModelDoesNotHave) {
  const std::string rows = chat(turn("user", "u") + "," + turn("assistant", "a"));
  PackOptions plain = options(rows, "plain");
  plain.budget = 64;
  ASSERT_TRUE(pack_file(plain));
  EXPECT_EQ(*read_file(folder_ / "plain/chat_template.jinja"), text::plain_chat_template());
  EXPECT_EQ(packed::Pack::open(folder_ / "plain")->chats(), 1u);
  ASSERT_TRUE(write_file_atomically(folder_ / "chat_template.jinja", std::string(kTemplate)));
  ASSERT_TRUE(pack_file(options(rows, "own")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "own/chat_template.jinja"));
}

TEST_F(PackFile, TheSameTwiceIsTheSameAndWindowsAndShardsOnlyChangeTheOrder) {
  PackOptions once = options(rows(300), "a");
  PackOptions twice = options(rows(300), "b");
  PackOptions small = options(rows(300), "c");
  small.window_samples = 7;
  small.shard_bytes = 500;
  ASSERT_TRUE(pack_file(once));
  ASSERT_TRUE(pack_file(twice));
  const auto report = pack_file(small);
  ASSERT_TRUE(report);
  EXPECT_GT(report->shards, 3u);
  EXPECT_EQ(*read_file(folder_ / "a/shard-00000.pack"), *read_file(folder_ / "b/shard-00000.pack"));
  EXPECT_EQ(texts(folder_ / "a").size(), 300u);
  EXPECT_EQ(texts(folder_ / "a"), texts(folder_ / "c"));
}

TEST_F(PackFile, LeavesNothingOfAPackThatFailed) {
  PackOptions broken = options(rows(300) + "{\"text\":}\n");
  broken.window_samples = 7;
  broken.shard_bytes = 500;
  ASSERT_FALSE(pack_file(broken));
  EXPECT_TRUE(std::filesystem::is_empty(broken.out));
  EXPECT_TRUE(pack_file(options(rows(3))));
}

TEST_F(PackFile, SaysWhereARecordCannotBeUsed) {
  const struct {
    const char* rows;
    const char* part;
  } cases[] = {
      {"{\"text\":\"a\"}\n{\"messages\":7}\n", "data.jsonl:2: this record is no chat"},
      {"{\"text\":\"a\"}\n{\"other\":1}\n", "data.jsonl:2: this is no record"},
      {"{\"prompt\":\"\",\"completion\":\"\"}\n", "data.jsonl:1: no record is left to train on"},
      {"{\"input\":{\"messages\":[]},\"preferred_output\":[],\"non_preferred_output\":[]}\n",
       "data.jsonl:1: a record of kind preference cannot"},
      {"{\"text\":\"a\"}\n{\"text\":}\n", "data.jsonl:2"},
      {"", "no records"},
  };
  int number = 0;
  for (const auto& test_case : cases) {
    const auto report = pack_file(options(test_case.rows, "bad" + std::to_string(number++)));
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().message.find(test_case.part), std::string::npos) << report.error().message;
  }
  ASSERT_TRUE(pack_file(options(rows(3), "full")));
  const auto again = pack_file(options(rows(3), "full"));
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().message.find("not empty"), std::string::npos);
  std::filesystem::remove(folder_ / "tokenizer_config.json");
  const auto endless = pack_file(options(rows(3), "endless"));
  ASSERT_FALSE(endless);
  EXPECT_NE(endless.error().message.find("--end-token"), std::string::npos);
}

}  // namespace
}  // namespace luthier::data::pack
