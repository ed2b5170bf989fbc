// ExampleTokens: the tokens of one example, by the rules of the cookbook's notebook: those of every text of a message,
// 3 a message, 1 a name, 3 a conversation. Beyond the notebook: parts of a list as content, images, tool calls and
// definitions of tools; prompts with completions, preferences and plain text.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/example.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::data::count {

struct ExampleTokens {
  std::int64_t tokens = 0;
  std::int64_t trained = 0;  // of them, those of answers: of assistants' texts and tool calls, of completions
  std::int64_t messages = 0;
  std::int64_t image_tokens = 0;
  std::int64_t images = 0;
  std::int64_t images_of_unknown_size = 0;
  bool chat = false;
  bool has_system = false;
  bool has_user = false;
};

// One per thread. `tokenizer` must outlive it.
class ExampleCounter {
 public:
  explicit ExampleCounter(const text::Tokenizer& tokenizer) : encoder_(tokenizer) {}

  // kInvalidArgument: not an example of a kind that has tokens; says why, without the place.
  [[nodiscard]] Result<ExampleTokens> count(const read::Json& record);

 private:
  Result<void> add_messages(const read::Json& messages, ExampleTokens& example);
  Result<void> add_message(const read::Json& message, ExampleTokens& example);
  Result<std::int64_t> count_content(const read::Json& content, ExampleTokens& example);
  Result<std::int64_t> count_calls(const read::Json& message);
  Result<std::int64_t> count_text(std::string_view text);

  text::Encoder encoder_;
  std::vector<text::TokenId> ids_;
};

}  // namespace luthier::data::count
