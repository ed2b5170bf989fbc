#include "pipelines/data/tokens/record_tokens.h"

#include <algorithm>
#include <string_view>

#include "pipelines/data/read/pair_names.h"

namespace luthier::data::tokens {
namespace {

using text::ChatJson;

// Data is not ours: a special token written out in it is text, not a command.
constexpr text::EncodeOptions kPlain{.add_special_tokens = false, .parse_special_tokens = false};

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

Result<std::string> text_in(const ChatJson& record, std::string_view member) {
  const auto found = record.find(member);
  if (found == record.end() || !found->is_string()) {
    return wrong("`" + std::string(member) + "` is missing or no text");
  }
  return found->get<std::string>();
}

}  // namespace

std::size_t RecordTokens::trained_count() const {
  return static_cast<std::size_t>(std::count(trained.begin(), trained.end(), true));
}

Result<ChatJson> conversation_of(const read::Json& preference, const char* answer) {
  const ChatJson input = preference.value("input", ChatJson());
  const ChatJson output = preference.value(answer, ChatJson());
  if (!input.is_object() || !input.contains("messages") || !input["messages"].is_array() || !output.is_array()) {
    return wrong(std::string("a preference has `input` with `messages`, and a list `") + answer + "`");
  }
  ChatJson chat = input;
  for (const ChatJson& message : output) {
    chat["messages"].push_back(message);
  }
  return chat;
}

RecordTokenizer::RecordTokenizer(const ModelText& model, text::ChatOptions options, std::optional<text::TokenId> end)
    : model_(model), options_(std::move(options)), end_(end) {
  if (model.tokenizer) {
    encoder_.emplace(*model.tokenizer);
    end_ = end_ ? end_ : model.tokenizer->eos();
  }
}

Result<RecordTokens> RecordTokenizer::tokens_of(const read::Json& record) {
  RecordTokens made;
  made.kind = read::kind_of(record);
  switch (made.kind) {
    case read::RecordKind::kChat:
    case read::RecordKind::kGraderData: LUTHIER_TRY_VOID(read_chat(record, made)); break;
    case read::RecordKind::kPreference: {
      LUTHIER_TRY(const ChatJson chat, conversation_of(record, "preferred_output"));
      LUTHIER_TRY_VOID(read_chat(chat, made));
      made.chat.notes.emplace_back("the preferred answer is shown");
      break;
    }
    case read::RecordKind::kPromptCompletion: {
      const auto names = read::find_pair_names(record).value_or(read::PairNames{});
      LUTHIER_TRY(const std::string prompt, text_in(record, names.prompt));
      LUTHIER_TRY(const std::string completion, text_in(record, names.completion));
      LUTHIER_TRY_VOID(read_pair(prompt, completion, made));
      break;
    }
    case read::RecordKind::kText: {
      LUTHIER_TRY(const std::string text, text_in(record, "text"));
      LUTHIER_TRY_VOID(read_pair("", text, made));
      break;
    }
    case read::RecordKind::kUnknown:
      if (const auto text = text_in(record, "text")) {  // among other members, which training does not read
        made.kind = read::RecordKind::kText;
        LUTHIER_TRY_VOID(read_pair("", *text, made));
        break;
      }
      return wrong("this is no record that training reads; `luthier data check` says what is wrong with the file");
  }
  return made;
}

Result<void> RecordTokenizer::read_chat(const ChatJson& chat, RecordTokens& made) {
  if (!model_.chat) {
    return wrong(model_.no_chat);
  }
  if (!encoder_) {
    LUTHIER_TRY(made.chat, model_.chat->render(chat, options_));
    return {};
  }
  LUTHIER_TRY(text::ChatTokens read, text::chat_tokens(*model_.chat, *encoder_, chat, options_));
  made.chat = std::move(read.chat);
  made.tokens = std::move(read.tokens);
  made.trained = std::move(read.trained);
  return {};
}

// A text is all completion.
Result<void> RecordTokenizer::read_pair(const std::string& prompt, const std::string& completion, RecordTokens& made) {
  made.chat.text = prompt + completion;
  for (const text::ChatSpan span :
       {text::ChatSpan{0, prompt.size(), false}, text::ChatSpan{prompt.size(), made.chat.text.size(), true}}) {
    if (span.end > span.begin) {
      made.chat.spans.push_back(span);
    }
  }
  if (!encoder_) {
    return {};
  }
  made.tokens.ids = model_.tokenizer->prefix_ids();
  made.tokens.ranges.resize(made.tokens.ids.size());
  LUTHIER_TRY_VOID(encoder_->encode(prompt, kPlain, made.tokens));
  const std::size_t asked = made.tokens.ids.size();
  LUTHIER_TRY_VOID(encoder_->encode(completion, kPlain, made.tokens));
  for (std::size_t i = asked; i < made.tokens.ranges.size(); ++i) {
    made.tokens.ranges[i].begin += prompt.size();
    made.tokens.ranges[i].end += prompt.size();
  }
  if (end_) {
    made.tokens.ids.push_back(*end_);
    made.tokens.ranges.push_back({made.chat.text.size(), made.chat.text.size()});
  }
  made.trained.assign(asked, false);
  made.trained.resize(made.tokens.ids.size(), true);
  return {};
}

}  // namespace luthier::data::tokens
