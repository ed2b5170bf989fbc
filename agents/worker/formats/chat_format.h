// ChatFormat: the chat template that a model is trained and asked with, and conversations as examples of a training.
// Free of LibTorch. A template belongs to a model and so is not ours: whatever it does is one error with a message.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agents/worker/formats/example.h"
#include "base/result.h"
#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::worker {

struct ChatFormat {
  text::ChatTemplate chat_template;
  // Its source where the base model does not have it, which must therefore go beside the weights that are trained with
  // it; empty: the base model's own.
  std::string added_source;
};

// Where a model's template may be.
struct ChatFolders {
  std::filesystem::path base;                    // with the tokenizer; chat_template.jinja or tokenizer_config.json
  std::optional<std::filesystem::path> adapter;  // its chat_template.jinja goes first
};

// kNotFound: there is no template in either.
[[nodiscard]] Result<ChatFormat> find_chat_format(const ChatFolders& folders);
// The same, or text::plain_chat_template() where there is none.
[[nodiscard]] Result<ChatFormat> chat_format_for_training(const ChatFolders& folders);

// One conversation of a training. One per thread; `format` and `tokenizer` must outlive it.
class ChatReader {
 public:
  ChatReader(const ChatFormat& format, const text::Tokenizer& tokenizer, std::int64_t input_length_max)
      : format_(format), encoder_(tokenizer), input_length_max_(input_length_max) {}

  struct Made {
    Example example;  // which may train nothing
    bool truncated = false;
    std::vector<std::string> notes;  // what was changed so that the template took it
  };
  // Errors say what is wrong with the record, without its place.
  [[nodiscard]] Result<Made> read(const text::ChatJson& record);

 private:
  const ChatFormat& format_;
  text::Encoder encoder_;
  std::int64_t input_length_max_;
};

// A conversation up to the answer that it ends with.
struct AskedChat {
  text::ChatJson asked;  // {"messages": …, "tools": …}, before its last message of the role assistant
  std::string answer;    // the text of that message; empty when it only calls tools
};
// Nothing when no message of the assistant has one before it.
[[nodiscard]] std::optional<AskedChat> asked_part(const text::ChatJson& record);

// The conversation with another answer at its end, which alone is trained.
[[nodiscard]] text::ChatJson with_answer(const AskedChat& chat, const std::string& answer);

// kInvalidArgument where a message has something other than text, which the models of this worker do not read.
[[nodiscard]] Result<void> check_only_text(const text::ChatJson& record);

}  // namespace luthier::worker
