#include "cli/questions.h"

#include <memory>
#include <optional>

#include "cli/format.h"
#include "pipelines/data/read/reader.h"

namespace luthier::cli {
namespace {

using Json = nlohmann::json;

Error cannot_be_asked(const std::string& what) { return {ErrorCode::kInvalidArgument, what}; }

std::string text_in(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// A text, or the texts of its parts one after the other.
Result<std::string> content_of(const Json& message) {
  const Json content = message.value("content", Json());
  if (content.is_string()) {
    return content.get<std::string>();
  }
  std::string text;
  for (const Json& part : content.is_array() ? content : Json::array({Json()})) {
    if (!part.is_object() || text_in(part, "type") != "text" || !part.contains("text") || !part["text"].is_string()) {
      return cannot_be_asked(
          "only messages of text can be asked: a message has no text `content` (a tool call, an image); leave such "
          "records out of this file");
    }
    text += part["text"].get<std::string>();
  }
  return text;
}

// A message as it is asked: what a template reads of it.
Result<Json> asked_message(const Json& message) {
  Json asked = {{"role", text_in(message, "role")}};
  const bool calls = message.contains("tool_calls") && message["tool_calls"].is_array();
  if (!calls || (message.contains("content") && !message["content"].is_null())) {
    LUTHIER_TRY(asked["content"], content_of(message));
  }
  for (const char* member : {"name", "tool_calls", "tool_call_id"}) {
    if (message.contains(member)) {
      asked[member] = message[member];
    }
  }
  return asked;
}

Result<Question> chat_question(const Json& messages) {
  if (!messages.is_array() || messages.empty()) {
    return cannot_be_asked("`messages` must be a list of {\"role\": text, \"content\": text} that is not empty");
  }
  Question question{.asked = {{"messages", Json::array()}}, .shown = {}, .expected = {}, .apply_template = true};
  std::size_t end = messages.size();
  for (std::size_t i = messages.size(); i-- > 0 && end == messages.size();) {
    end = messages[i].is_object() && text_in(messages[i], "role") == "assistant" ? i : end;
  }
  if (end < messages.size()) {
    LUTHIER_TRY(const std::string expected, content_of(messages[end]));
    question.expected = trimmed(expected);
  }
  for (std::size_t i = 0; i < end; ++i) {
    if (!messages[i].is_object() || text_in(messages[i], "role").empty()) {
      return cannot_be_asked("each of `messages` must be {\"role\": text, \"content\": text}");
    }
    LUTHIER_TRY(Json asked, asked_message(messages[i]));
    const std::string words =
        asked.contains("content") ? text_in(asked, "content") : "calls " + asked["tool_calls"].dump();
    question.shown += (question.shown.empty() ? "" : "\n") + (end == 1 ? words : text_in(asked, "role") + ": " + words);
    question.asked["messages"].push_back(std::move(asked));
  }
  if (end == 0) {
    return cannot_be_asked("there is no message before the assistant's, so there is nothing to ask");
  }
  return question;
}

std::string names_of(const Json& record) {
  std::string names;
  for (const auto& [name, value] : record.items()) {
    names += (names.empty() ? "" : ", ") + printable(name);
  }
  return names.empty() ? "nothing" : names;
}

Result<Question> read_record(const Json& record) {
  if (record.is_object() && record.contains("messages")) {
    return chat_question(record["messages"]);
  }
  if (!record.is_object() || !record.contains("prompt") || !record["prompt"].is_string()) {
    return cannot_be_asked(
        "expected {\"prompt\": text, \"completion\": text} or {\"messages\": [{\"role\", \"content\"}]}, of a table "
        "the columns "
        "prompt and completion; there is " +
        names_of(record) + ". `luthier data prepare FILE` makes such a file of others");
  }
  Question question = question_of(record["prompt"]);
  question.expected = trimmed(text_in(record, "completion"));
  question.apply_template = question.expected.empty();  // a record of a prepared dataset ends with its suffix already
  return question;
}

bool is_table(data::read::FileFormat format) {
  using enum data::read::FileFormat;
  return format == kCsv || format == kTsv || format == kXlsx;
}

}  // namespace

Question question_of(const std::string& prompt) {
  return {.asked = {{"prompt", prompt}}, .shown = prompt, .expected = {}, .apply_template = true};
}

Result<std::vector<Question>> read_questions(const std::string& file, int limit) {
  const std::string name = printable(file);
  LUTHIER_TRY(const std::unique_ptr<data::read::Reader> reader,
              data::read::open_reader(file, {.format = {}, .name = name, .expansion = {}}));
  data::read::ExampleStream records(*reader, name);
  std::vector<Question> questions;
  while (static_cast<int>(questions.size()) < limit) {
    LUTHIER_TRY(const std::optional<data::read::ReadExample> record, records.next());
    if (!record) {
      break;
    }
    if (record->problem && record->problem->severity != data::read::Severity::kError) {
      continue;
    }
    if (record->problem) {
      return cannot_be_asked(to_string(*record->problem));
    }
    Result<Question> question = read_record(Json(record->example.value));
    if (!question) {
      return std::move(question).error().with(name + ":" + std::to_string(record->example.line));
    }
    const auto tools = record->example.value.find("tools");
    if (tools != record->example.value.end() && tools->is_array() && question->asked.contains("messages")) {
      question->asked["tools"] = tools->dump();  // as text, which keeps the order that templates show
    }
    if (is_table(reader->format())) {
      question->apply_template = true;  // nobody has prepared it
    }
    questions.push_back(std::move(*question));
  }
  return questions;
}

}  // namespace luthier::cli
