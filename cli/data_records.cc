#include "cli/data_records.h"

#include <algorithm>

#include "pipelines/text/chat/token_mask.h"

namespace luthier::cli {
namespace {

namespace read = data::read;
using text::ChatJson;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

std::string text_in(const ChatJson& record, const char* member) {
  const auto found = record.find(member);
  return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// Preferences as the conversation that is to be preferred.
Result<ChatJson> preferred(const ChatJson& record) {
  const ChatJson input = record.value("input", ChatJson());
  const ChatJson answer = record.value("preferred_output", ChatJson());
  if (!input.is_object() || !input.contains("messages") || !input["messages"].is_array() || !answer.is_array()) {
    return wrong("a preference has 'input' with 'messages', and a list 'preferred_output'");
  }
  ChatJson chat = input;
  for (const ChatJson& message : answer) {
    chat["messages"].push_back(message);
  }
  return chat;
}

Result<void> show_chat(const ChatJson& chat, const ModelText& model, const text::ChatOptions& options,
                       ShownRecord& shown) {
  if (!model.chat) {
    return wrong(model.no_chat);
  }
  LUTHIER_TRY(shown.chat, model.chat->render(chat, options));
  if (model.tokenizer) {
    LUTHIER_TRY(shown.tokens, model.tokenizer->encode_with_ranges(shown.chat.text));
    shown.trained = text::trained_tokens(shown.tokens, shown.chat.spans);
  }
  return {};
}

// Prompt and completion, or a text, which is all completion.
Result<void> show_pair(const std::string& prompt, const std::string& completion, const ModelText& model,
                       ShownRecord& shown) {
  shown.chat.text = prompt + completion;
  for (const text::ChatSpan span :
       {text::ChatSpan{0, prompt.size(), false}, text::ChatSpan{prompt.size(), shown.chat.text.size(), true}}) {
    if (span.end > span.begin) {
      shown.chat.spans.push_back(span);
    }
  }
  if (!model.tokenizer) {
    return {};
  }
  const auto add = [&](text::TokenId id, text::TextRange range, bool trained) {
    shown.tokens.ids.push_back(id);
    shown.tokens.ranges.push_back(range);
    shown.trained.push_back(trained);
  };
  for (const text::TokenId id : model.tokenizer->prefix_ids()) {
    add(id, {}, false);
  }
  for (const bool trained : {false, true}) {
    LUTHIER_TRY(const text::Encoding encoding,
                model.tokenizer->encode_with_ranges(trained ? completion : prompt, {.parse_special_tokens = false}));
    const std::size_t before = trained ? prompt.size() : 0;
    for (std::size_t i = 0; i < encoding.ids.size(); ++i) {
      add(encoding.ids[i], {encoding.ranges[i].begin + before, encoding.ranges[i].end + before}, trained);
    }
  }
  if (model.tokenizer->eos()) {
    add(*model.tokenizer->eos(), {shown.chat.text.size(), shown.chat.text.size()}, true);
  }
  return {};
}

}  // namespace

std::size_t ShownRecord::trained_count() const {
  return static_cast<std::size_t>(std::count(trained.begin(), trained.end(), true));
}

Result<ShownRecord> show_record(const ChatJson& record, const ModelText& model, const text::ChatOptions& options) {
  const read::RecordKind kind = read::kind_of(record);
  ShownRecord shown;
  shown.kind = read::name_of(kind);
  switch (kind) {
    case read::RecordKind::kChat:
    case read::RecordKind::kGraderData: LUTHIER_TRY_VOID(show_chat(record, model, options, shown)); break;
    case read::RecordKind::kPreference: {
      LUTHIER_TRY(const ChatJson chat, preferred(record));
      LUTHIER_TRY_VOID(show_chat(chat, model, options, shown));
      shown.chat.notes.emplace_back("the preferred answer is shown");
      break;
    }
    case read::RecordKind::kPromptCompletion:
      LUTHIER_TRY_VOID(show_pair(text_in(record, "prompt"), text_in(record, "completion"), model, shown));
      break;
    case read::RecordKind::kText: LUTHIER_TRY_VOID(show_pair("", text_in(record, "text"), model, shown)); break;
    case read::RecordKind::kUnknown:
      return wrong("this is no record that training reads; `luthier data check` says what is wrong with the file");
  }
  return shown;
}

Result<void> for_each_record(const std::string& file, const std::string& format, std::int64_t line,
                             const UseRecord& use) {
  read::ReadOptions options;
  if (!format.empty()) {
    options.format = read::file_format_named(format);
  }
  LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, read::open_reader(file, options));
  read::ExampleStream stream(*reader, file);
  std::optional<read::ReadExample> at;  // the last record that begins at or before the line
  while (true) {
    LUTHIER_TRY(std::optional<read::ReadExample> next, stream.next());
    if (line == 0 && next) {
      LUTHIER_TRY_VOID(use(*next));
      continue;
    }
    if (!next || (line > 0 && next->example.line > line)) {
      break;
    }
    at = std::move(next);
  }
  if (line == 0) {
    return {};
  }
  if (!at) {
    return Error{ErrorCode::kNotFound, file + " has no record at line " + std::to_string(line)};
  }
  if (at->problem) {
    return wrong(read::to_string(*at->problem));
  }
  return use(*at);
}

std::string visible(std::string_view text) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      out += std::string("\\x") + kDigits[byte >> 4U] + kDigits[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace luthier::cli
