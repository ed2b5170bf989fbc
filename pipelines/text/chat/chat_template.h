// ChatTemplate: a conversation as the text that a model is trained on and asked with, and which bytes of it are
// trained.
//
// The template is the model's own (jinja/jinja.h); messages and tools are those of the OpenAI formats. What OpenAI's
// data says otherwise than Hugging Face's templates expect is translated first (messages.h). Trained are the
// assistant's turns whose `weight` is not 0: what the model has to write, its calls of tools and the marker that ends a
// turn among it, but not the header that it is given. See docs/data.md, "Chat templates".
//
// Immutable; may be shared by threads.
#pragma once

#include <ctime>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/text/jinja/jinja.h"

namespace luthier::text {

using ChatJson = nlohmann::ordered_json;  // the order of members shows where a template prints a tool

struct ChatSpan {
  std::size_t begin = 0;  // bytes of RenderedChat::text
  std::size_t end = 0;
  bool trained = false;
  friend bool operator==(const ChatSpan&, const ChatSpan&) = default;
};

struct ChatOptions {
  bool add_generation_prompt = false;       // ends the text with the header of the turn that the model is to write
  ChatJson variables = ChatJson::object();  // further variables of the template, such as enable_thinking
  std::tm date{};                           // what strftime_now tells
  bool mend = true;                         // false: a conversation that the template refuses stays refused
  bool find_spans = true;                   // false: `spans` stays empty, which is several times faster
  // Of each rendering; all renderings of one conversation may take ten times the steps together.
  jinja::Limits limits{};
};

enum class SpanSource {
  kGeneration,   // the template's own {% generation %} blocks
  kDifferences,  // found by rendering parts and variants of the conversation
};

struct RenderedChat {
  std::string text;
  std::vector<ChatSpan> spans;  // cover the text in order, without gaps; neighbours differ
  SpanSource source = SpanSource::kDifferences;
  std::vector<std::string> notes;  // what was changed or left out so that the template took the conversation
};

class ChatTemplate {
 public:
  struct Source {
    std::string name;  // "default", "tool_use"
    std::string file;  // for messages
    std::string text;
  };

  // `special_tokens`: bos_token, eos_token and so on, as variables. With several sources "tool_use" is for
  // conversations with tools, "default" for the others.
  [[nodiscard]] static Result<ChatTemplate> parse(const std::vector<Source>& sources, ChatJson special_tokens);
  // `path`: a model's folder (chat_template.jinja, or `chat_template` of tokenizer_config.json: a text or a list of
  // named ones), or a template's file, beside which tokenizer_config.json is read. kNotFound: there is no template.
  // `folder`: where else the special tokens are; empty: nowhere.
  [[nodiscard]] static Result<ChatTemplate> load(const std::filesystem::path& path,
                                                 const std::filesystem::path& folder = {});
  // plain_chat_template() with the special tokens of a model's folder. kInvalidArgument: they name no end of text.
  [[nodiscard]] static Result<ChatTemplate> load_plain(const std::filesystem::path& folder);

  // `record` has `messages`, and perhaps `tools` or `functions`. kInvalidArgument: it is no chat, or the template is
  // wrong for it; kFailedPrecondition: the template refuses it, with the template's line and reason.
  [[nodiscard]] Result<RenderedChat> render(const ChatJson& record, const ChatOptions& options) const;

  // Whether a system message reaches the text; if not, it is folded into the first turn of the user.
  [[nodiscard]] bool knows_system() const;
  [[nodiscard]] bool knows_tools() const;

 private:
  struct Parts;
  explicit ChatTemplate(std::shared_ptr<const Parts> parts) : parts_(std::move(parts)) {}
  std::shared_ptr<const Parts> parts_;  // immutable, so copies share it
};

}  // namespace luthier::text
