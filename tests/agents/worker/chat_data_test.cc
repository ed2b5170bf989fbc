// Conversations as examples, and the prompts that ask a model with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "agents/worker/formats/dataset.h"
#include "agents/worker/serve/chat_prompt.h"
#include "pipelines/text/chat/plain_template.h"
#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

constexpr const char* kChat = R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"yes"}]})";
constexpr const char* kStrict =
    "{% for m in messages %}{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('turns must alternate') }}{% endif %}"
    "[{{ m.role }}]{{ m.content }}{{ eos_token }}{% endfor %}{% if add_generation_prompt %}[assistant]{% endif %}";

class ChatData : public ::testing::Test {
 protected:
  ChatData() {
    const std::filesystem::path golden = LUTHIER_SOURCE_DIR "/tests/golden/worker/llama";
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {
      std::filesystem::create_directories(folder_.path() / "base");
      std::filesystem::copy_file(golden / name, folder_.path() / "base" / name);
    }
    tokenizer_ = text::Tokenizer::load(folder_.path() / "base").value();
  }

  Result<Dataset> read(const std::string& lines, std::int64_t length = 256) {
    folder_.write("data.jsonl", lines);
    return read_dataset(folder_.path(), *tokenizer_, {length, 0, folders()});
  }

  [[nodiscard]] ChatFolders folders() const { return {folder_.path() / "base", folder_.path() / "adapter"}; }

  // The example's text with what is trained in brackets of another kind.
  [[nodiscard]] std::string shown(const Example& example) const {
    std::string text;
    for (std::size_t i = 0; i < example.ids.size(); ++i) {
      const bool before = i > 0 && example.trained[i - 1];
      text += before == example.trained[i] ? "" : before ? "}" : "{";
      text += tokenizer_->token_bytes(example.ids[i]);
    }
    return text + (example.trained.back() ? "}" : "");
  }

  TemporaryFolder folder_;
  std::optional<text::Tokenizer> tokenizer_;
};

TEST_F(ChatData, AModelWithoutATemplateTakesThePlainOneWhichItsWeightsMustBring) {
  auto data = read(kChat);
  ASSERT_TRUE(data) << data.error().message;
  ASSERT_EQ(data->examples.size(), 1U);
  EXPECT_EQ(shown(data->examples[0]), "user:\nq<|endoftext|>\nassistant:\n{yes<|endoftext|>}\n");
  EXPECT_EQ(data->examples[0].supervised_count(),
            std::count(data->examples[0].trained.begin(), data->examples[0].trained.end(), true));
  EXPECT_EQ(data->format->added_source, text::plain_chat_template());
}

TEST_F(ChatData, TheBaseModelsTemplateIsTakenAndTheAdaptersBeforeIt) {
  folder_.write("base/chat_template.jinja", kStrict);
  auto data = read(kChat);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(shown(data->examples[0]), "[user]q<|endoftext|>[assistant]{yes<|endoftext|>}");
  EXPECT_EQ(data->format->added_source, "");

  const std::string other = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{{ eos_token }}{% endfor %}";
  folder_.write("adapter/chat_template.jinja", other);
  data = read(kChat);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(shown(data->examples[0]), "<user>q<|endoftext|>{<assistant>yes<|endoftext|>}");
  EXPECT_EQ(data->format->added_source, other);
}

// tests/golden/worker/make_chat_goldens.py
TEST_F(ChatData, IdsAndMasksAreThoseOfTransformers) {
  const std::filesystem::path golden = LUTHIER_SOURCE_DIR "/tests/golden";
  std::ifstream stream(golden / "worker/chats.json");
  const auto dialects = text::ChatJson::parse(stream);
  ASSERT_EQ(dialects.size(), 6U);
  for (const auto& [dialect, chats] : dialects.items()) {
    std::filesystem::copy_file(golden / "templates" / (dialect + ".jinja"), folder_.path() / "base/chat_template.jinja",
                               std::filesystem::copy_options::overwrite_existing);
    std::string lines;
    for (const auto& chat : chats) {
      lines += chat["record"].dump() + "\n";
    }
    const auto data = read(lines, 511);
    ASSERT_TRUE(data) << data.error().message;
    ASSERT_EQ(data->examples.size(), chats.size()) << dialect;
    for (std::size_t i = 0; i < chats.size(); ++i) {
      const std::vector<int> wanted = chats[i]["trained"];
      EXPECT_EQ(data->examples[i].ids, chats[i]["ids"].get<std::vector<TokenId>>()) << dialect << " " << i;
      EXPECT_EQ(data->examples[i].trained, std::vector<bool>(wanted.begin(), wanted.end())) << dialect << " " << i;
    }
  }
}

TEST_F(ChatData, EveryAnswerIsTrainedButThoseOfWeightZero) {
  folder_.write("base/chat_template.jinja", kStrict);
  auto data = read(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},)"
      R"({"role":"assistant","content":"d","weight":0},{"role":"user","content":"e"},)"
      R"({"role":"assistant","content":"f","weight":1}]})");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(shown(data->examples[0]),
            "[user]a<|endoftext|>[assistant]{b<|endoftext|>}[user]c<|endoftext|>[assistant]d<|endoftext|>"
            "[user]e<|endoftext|>[assistant]{f<|endoftext|>}");
  EXPECT_EQ(data->records[0].completion, "f");
}

TEST_F(ChatData, CallsOfToolsAreTrainedAndDeclarationsKeepTheirOrder) {
  auto data = read(R"({"tools":[{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}],"messages":[)"
                   R"({"role":"user","content":"q"},{"role":"assistant","tool_calls":[{"id":"1","type":"function",)"
                   R"("function":{"name":"f","arguments":"{\"z\":1}"}}]}]})");
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(shown(data->examples[0]),
            R"(tools:
{"type": "function", "function": {"name": "f", "parameters": {"z": 1, "a": 2}}}<|endoftext|>
user:
q<|endoftext|>
assistant:
{call: {"name": "f", "arguments": {"z": 1}}<|endoftext|>}
)");
}

TEST_F(ChatData, LongConversationsLoseTheirEndAndThoseWithNothingLeftToLearnAreDropped) {
  const std::string two = R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},)"
                          R"({"role":"user","content":"c"},{"role":"assistant","content":"d"}]})";
  const auto whole = read(two);
  ASSERT_TRUE(whole);
  const std::int64_t length = whole->examples[0].input_length();
  const struct {
    std::int64_t length;
    std::int64_t truncated;
    std::int64_t dropped;
    std::int64_t trained;
  } cases[] = {{length, 0, 0, 4}, {length - 1, 1, 0, 4}, {length - 2, 1, 0, 3}, {length - 3, 1, 0, 2}};
  for (const auto& expected : cases) {
    const auto data = read(two, expected.length);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->truncated_count, expected.truncated) << expected.length;
    EXPECT_EQ(data->dropped_count, expected.dropped);
    EXPECT_EQ(data->examples[0].supervised_count(), expected.trained) << shown(data->examples[0]);
  }
  const std::string silent =
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":"b","weight":0}]})";
  const auto some = read(two + "\n" + silent);
  ASSERT_TRUE(some);
  EXPECT_EQ(some->examples.size(), 1U);
  EXPECT_EQ(some->records.size(), 1U);
  EXPECT_EQ(some->dropped_count, 1);
  const auto none = read(two + "\n" + silent, 3);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kInvalidArgument);
  EXPECT_THAT(none.error().message, HasSubstr("none of the 2 conversations"));
}

TEST_F(ChatData, WhatATemplateRefusesIsMendedAndSaidOrNamedByLine) {
  folder_.write("base/chat_template.jinja", kStrict);
  auto mended = read(std::string(kChat) +
                     "\n"
                     R"({"messages":[{"role":"user","content":"a"},{"role":"user","content":"b"},)"
                     R"({"role":"assistant","content":"c"}]})");
  ASSERT_TRUE(mended) << mended.error().message;
  EXPECT_EQ(mended->changed_count, 1);
  EXPECT_THAT(mended->first_change, HasSubstr("line 2: "));
  EXPECT_EQ(shown(mended->examples[1]), "[user]a\n\nb<|endoftext|>[assistant]{c<|endoftext|>}");

  auto refused = read(std::string(kChat) +
                      "\n"
                      R"({"messages":[{"role":"assistant","content":"c"}]})");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(refused.error().message, HasSubstr("data.jsonl:2: "));
  EXPECT_THAT(refused.error().message, HasSubstr("turns must alternate"));
}

TEST_F(ChatData, WhatCannotBeTrainedIsNamedByLine) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"messages":)" + std::string(500'000, '[') + std::string(500'000, ']') + "}", ":1: not a JSON object"},
      {R"({"messages":5})", ":1: this record is no chat"},
      {R"({"messages":[5]})", ":1: messages[0]"},
      {R"({"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]})", "reads text only"},
      {R"({"messages":[{"role":"assistant","content":"a","weight":0.5}]})", "weight"},
      {std::string(kChat) + "\n{\"text\":\"a\"}", ":2: prompt/completion, text and chat records are mixed"},
      {R"({"input":{"messages":[]},"preferred_output":[],"non_preferred_output":[]})", ":1: a preference"}};
  for (const auto& [lines, message] : cases) {
    auto data = read(lines);
    ASSERT_FALSE(data) << lines;
    EXPECT_EQ(data.error().code, ErrorCode::kDataLoss) << lines;
    EXPECT_THAT(data.error().message, HasSubstr(message));
  }
}

TEST_F(ChatData, ABrokenOrEndlessTemplateIsOneError) {
  folder_.write("base/chat_template.jinja", "{% for m in messages %}");
  auto broken = read(kChat);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("chat_template.jinja:1"));
  folder_.write("base/chat_template.jinja",
                "{% for a in range(99999) %}{% for b in range(99999) %}{{ a }}{% endfor %}{% endfor %}");
  auto endless = read(kChat);
  ASSERT_FALSE(endless);
  EXPECT_THAT(endless.error().message, HasSubstr("data.jsonl:1: "));
  EXPECT_TRUE(read(R"({"prompt":"a","completion":"b"})")) << "which no template is needed for";
}

TEST_F(ChatData, TheSameConversationsAreTheSameTrainingOnAnyDay) {
  folder_.write("base/chat_template.jinja", std::string("{{ strftime_now('%d %B %Y %A %j') }}") + kStrict);
  auto data = read(kChat);
  ASSERT_TRUE(data) << data.error().message;
  EXPECT_EQ(shown(data->examples[0]).substr(0, 30), "26 July 2024 Friday 208[user]q");
}

TEST_F(ChatData, ThePartThatIsAskedEndsBeforeTheLastAnswer) {
  const auto record = text::ChatJson::parse(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"text","text":"b"}]},
                      {"role":"user","content":"c"}],"tools":[1]})");
  const auto asked = asked_part(record);
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->answer, "b");
  EXPECT_EQ(asked->asked.dump(), R"({"messages":[{"role":"user","content":"a"}],"tools":[1]})");
  const AskedChat longer{
      text::ChatJson::parse(R"({"messages":[{"role":"assistant","content":"a"},{"role":"user","content":"b"}]})"), "c"};
  EXPECT_EQ(with_answer(longer, "d")["messages"].dump(),
            R"([{"role":"assistant","content":"a","weight":0},{"role":"user","content":"b"},)"
            R"({"role":"assistant","content":"d"}])");
  EXPECT_FALSE(asked_part(text::ChatJson::parse(R"({"messages":[{"role":"assistant","content":"a"}]})")));
  EXPECT_FALSE(asked_part(text::ChatJson::parse(R"({"messages":[]})")));
}

TEST_F(ChatData, APromptIsTheConversationWithTheHeaderOfItsAnswer) {
  const ChatPrompt plain(*chat_format_for_training(folders()), *tokenizer_);
  const auto text = plain.text_of(text::ChatJson::parse(R"({"messages":[{"role":"user","content":"q"}]})"), {});
  ASSERT_TRUE(text) << text.error().message;
  EXPECT_EQ(*text, "user:\nq<|endoftext|>\nassistant:\n");
  EXPECT_EQ(plain.ends(), std::vector<TokenId>{0});
  EXPECT_TRUE(plain.stops().empty());
  text::Encoder encoder(*tokenizer_);
  const auto ids = ChatPrompt::ids_of(encoder, *text);
  ASSERT_TRUE(ids);
  EXPECT_EQ(std::count(ids->begin(), ids->end(), 0), 1) << "the end of a turn is one special token";
}

TEST_F(ChatData, TurnsThatEndInNoSpecialTokenEndAnswersByTheirText) {
  folder_.write("base/chat_template.jinja",
                "{% for m in messages %}<{{ m.role }}> {{ m.content }}<|end|>\n{% endfor %}"
                "{% if add_generation_prompt %}<assistant>{% endif %}");
  const ChatPrompt prompt(*find_chat_format(folders()), *tokenizer_);
  EXPECT_TRUE(prompt.ends().empty());
  EXPECT_EQ(prompt.stops(), std::vector<std::string>{"<|end|>"});
  EXPECT_EQ(prompt.opening(), " ");
}

TEST_F(ChatData, ModelsOfPromptsAreNotAskedByTheirBasesTemplate) {
  EXPECT_TRUE(is_asked_by_template({}));
  EXPECT_TRUE(is_asked_by_template({.task = "chat"}));
  EXPECT_TRUE(is_asked_by_template({.task = "text"}));
  EXPECT_FALSE(is_asked_by_template({.task = "classification"}));
  EXPECT_FALSE(is_asked_by_template({.task = "generation"}));
  EXPECT_FALSE(is_asked_by_template({.prompt_suffix = "->"}));
  EXPECT_EQ(find_chat_format(folders()).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace luthier::worker
