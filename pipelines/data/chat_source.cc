#include "pipelines/data/chat_source.h"

#include "pipelines/data/chat_remedies.h"
#include "pipelines/data/read_stream.h"

namespace luthier::data {
namespace {

bool is_json(const SourceFile& file) { return file.format == Format::kJson || file.format == Format::kJsonLines; }

std::string to_text(const ChatJson& json) { return json.dump(-1, ' ', false, ChatJson::error_handler_t::replace); }

class ChatTaker {
 public:
  explicit ChatTaker(Draft& draft) : draft_(draft) {}

  Result<void> take(const SourceFile& file) {
    file_ = file.name;
    LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, open_source(file));
    read::ExampleStream stream(*reader, file.name);
    std::int64_t rows = 0;
    while (true) {
      LUTHIER_TRY(std::optional<read::ReadExample> next, stream.next());
      if (!next.has_value()) {
        break;
      }
      ++rows;
      line_ = next->example.line;
      take(*next);
    }
    draft_.report.files.push_back({file.name, std::string(name_of(file.format)), rows});
    draft_.report.rows.read += rows;
    return {};
  }

 private:
  void take(read::ReadExample& read) {
    if (read.problem.has_value()) {
      if (!read.example.value.is_object()) {
        drop("broken_json", "Records that are not JSON were dropped.", read.problem->message);
        return;
      }
      add("json_repaired", "Records with faults of JSON that leave no doubt were repaired.", read.problem->message);
    }
    ChatJson record = std::move(read.example.value);
    const bool preference = read::kind_of(record) == read::RecordKind::kPreference;
    const auto changed = [&](const ChatRemedy& remedy, const std::string& detail) {
      add(remedy.code, remedy.message, detail);
    };
    const auto dropped = preference ? repair_preference(record, changed) : repair_chat(record, changed);
    if (dropped.has_value()) {
      drop(dropped->code, dropped->message, to_text(record));
      return;
    }
    keep(record, preference);
  }

  void keep(const ChatJson& record, bool preference) {
    if (draft_.settings.turns == Turns::kPrompts && !preference) {
      keep_prompts(record);
    } else if (draft_.settings.turns == Turns::kChats && !preference) {
      const std::vector<ChatJson> turns = expand_turns(record);
      expanded(turns.size());
      for (const ChatJson& turn : turns) {
        push(turn, {}, to_text(turn));
      }
    } else {
      push(record, {}, to_text(record));
    }
  }

  void keep_prompts(const ChatJson& record) {
    std::string problem;
    std::vector<PromptTurn> turns = expand_to_prompts(record, problem);
    if (turns.empty()) {
      drop("no_plain_text", "Conversations that prompts and completions cannot hold were dropped.", problem);
      return;
    }
    expanded(turns.size());
    for (PromptTurn& turn : turns) {
      push(record, std::move(turn.prompt), std::move(turn.completion));
    }
  }

  // More rows than records: those beyond the first count as read, so that the sums hold.
  void expanded(std::size_t turns) {
    draft_.report.rows.read += static_cast<std::int64_t>(turns) - 1;
    if (turns > 1) {
      add("turns_expanded", "Dialogues became one row for each answer.", std::to_string(turns) + " turns");
    }
  }

  void push(const ChatJson& record, std::string prompt, std::string completion) {
    Record made;
    made.prompt = std::move(prompt);
    made.completion = std::move(completion);
    made.file = file_;
    made.line = line_;
    made.label = last_answer(record);
    const auto group = record.find(draft_.settings.split.group);
    if (!draft_.settings.split.group.empty() && group != record.end()) {
      made.group = group->is_string() ? group->get<std::string>() : to_text(*group);
    }
    draft_.records.push_back(std::move(made));
  }

  void add(const char* code, const char* message, const std::string& detail) {
    draft_.report.add(code, message, false, {file_, line_, excerpt(detail)});
  }
  void drop(const char* code, const char* message, const std::string& detail) {
    draft_.report.add(code, message, true, {file_, line_, excerpt(detail)});
  }

  Draft& draft_;
  std::string file_;
  std::int64_t line_ = 0;
};

}  // namespace

bool holds_chats(const std::vector<SourceFile>& files) {
  if (files.empty() || !is_json(files.front())) {
    return false;
  }
  const auto reader = open_source(files.front());
  if (!reader) {
    return false;
  }
  read::ExampleStream stream(**reader, files.front().name);
  constexpr int kRecordsLookedAt = 20;  // the first ones may be broken
  for (int i = 0; i < kRecordsLookedAt; ++i) {
    const auto next = stream.next();
    if (!next || !next->has_value()) {
      return false;
    }
    const read::Json& value = (*next)->example.value;
    const read::RecordKind kind = value.is_object() ? read::kind_of(value) : read::RecordKind::kUnknown;
    if (kind != read::RecordKind::kUnknown) {
      return kind == read::RecordKind::kChat || kind == read::RecordKind::kPreference;
    }
  }
  return false;
}

Result<void> read_chats(const std::vector<SourceFile>& files, Draft& draft) {
  ChatTaker taker(draft);
  for (const SourceFile& file : files) {
    if (!is_json(file)) {
      return Error{ErrorCode::kInvalidArgument,
                   file.name + ": conversations come as .jsonl or .json, and cannot be mixed with other data (" +
                       files.front().name + "); prepare them in separate steps"};
    }
    LUTHIER_TRY_VOID(taker.take(file));
  }
  return {};
}

}  // namespace luthier::data
