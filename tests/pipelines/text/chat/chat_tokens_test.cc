#include "pipelines/text/chat/chat_tokens.h"

#include <gtest/gtest.h>

#include "pipelines/text/trainer.h"

namespace luthier::text {
namespace {

TEST(ChatTokens, AreThoseOfTheTextWithItsMask) {
  const auto json = train_byte_level_bpe({"ab"}, 257, {"<end>"});
  ASSERT_TRUE(json);
  const auto tokenizer = Tokenizer::parse(*json);
  ASSERT_TRUE(tokenizer);
  const auto chat = ChatTemplate::parse({{"default", "t",
                                          "{% for m in messages %}{{ m.role[0] }}{{ m.content }}<end>{% endfor %}"
                                          "{% if add_generation_prompt %}a{% endif %}"}},
                                        ChatJson::object());
  ASSERT_TRUE(chat) << chat.error().message;
  Encoder encoder(*tokenizer);
  const auto record =
      ChatJson::parse(R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"yes"}]})");
  const auto made = chat_tokens(*chat, encoder, record, {});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->chat.text, "uq<end>ayes<end>");
  const TokenId end = *tokenizer->token_to_id("<end>");
  ASSERT_EQ(made->tokens.ids.size(), 8u);
  EXPECT_EQ(made->tokens.ids[2], end);  // special where the template writes it
  EXPECT_EQ(made->tokens.ids[7], end);
  EXPECT_EQ(made->trained, (std::vector<bool>{false, false, false, false, true, true, true, true}));
}

TEST(ChatTokens, KeepTheirBeginningAndKnowWhetherAnythingIsLeftToLearn) {
  const struct {
    std::vector<bool> trained;
    std::size_t ids_max;
    bool cut;
    bool learns;
  } cases[] = {
      {{}, 4, false, false},
      {{true}, 4, false, false},  // nothing comes before the first
      {{false, true}, 4, false, true},
      {{false, false, false, true}, 4, false, true},
      {{false, false, false, true}, 3, true, false},
      {{true, false, true, true}, 3, true, true},
  };
  for (const auto& test_case : cases) {
    std::vector<bool> trained = test_case.trained;
    std::vector<TokenId> ids(trained.size(), 7);
    EXPECT_EQ(keep_beginning(ids, trained, test_case.ids_max), test_case.cut);
    EXPECT_EQ(ids.size(), std::min(test_case.trained.size(), test_case.ids_max));
    EXPECT_EQ(trained.size(), ids.size());
    EXPECT_EQ(learns_anything(trained), test_case.learns);
  }
}

}  // namespace
}  // namespace luthier::text
