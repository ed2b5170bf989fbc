#include "pipelines/data/chat_remedies.h"
#include "pipelines/data/read/broken_json.h"
#include "pipelines/data/taker.h"

namespace luthier::data {
namespace {

std::string to_text(const ChatJson& json) { return json.dump(-1, ' ', false, ChatJson::error_handler_t::replace); }

class ChatTaker final : public Taker {
 public:
  ChatTaker(TakerFacts facts, const Settings& settings)
      : facts_(std::move(facts)), turns_(settings.turns), group_(settings.split.group), images_(settings.images) {}

  Taken take(const read::Batch& batch) override {
    Taken taken;
    taken_ = &taken;
    std::size_t problem = 0;
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      for (; problem < batch.problems.size() && batch.problems[problem].line <= batch.records[i].line; ++problem) {
        take_problem(batch.problems[problem]);
      }
      ++taken.rows;
      line_ = batch.records[i].line;
      i = take_record(batch, i);
    }
    for (; problem < batch.problems.size(); ++problem) {
      take_problem(batch.problems[problem]);
    }
    return taken;
  }

 private:
  void take_problem(const read::Problem& problem) {
    line_ = problem.line;
    if (problem.severity != read::Severity::kError) {
      taken_->advice.push_back(read::to_string(problem));
    } else {
      mended(problem.message);
    }
  }

  std::size_t take_record(const read::Batch& batch, std::size_t index) {
    read::ReadExample read = parser_.parse(batch, index, facts_.file);
    if (!read.problem) {
      take_value(std::move(read.example.value));
      return index;
    }
    if (read::may_go_on(*read.problem)) {
      if (const auto joined = joiner_.join(batch, index)) {
        ChatJson value = ChatJson::parse(joined->text, nullptr, false);
        if (value.is_object()) {
          mended(read::over_lines(batch, index, *joined, facts_.file).message);
          take_value(std::move(value));
          return joined->last;
        }
      }
    }
    const std::string column = read.problem->column > 0 ? "column " + std::to_string(read.problem->column) + ": " : "";
    drop("broken_json", "Records that are not JSON were dropped.", column + read.problem->message);
    return index;
  }

  void take_value(ChatJson record) {
    const bool preference = read::kind_of(record) == read::RecordKind::kPreference;
    const auto changed = [&](const ChatRemedy& remedy, const std::string& detail) {
      note(remedy.code, remedy.message, detail);
    };
    const auto dropped = preference ? repair_preference(record, changed) : repair_chat(record, images_, changed);
    if (dropped.has_value()) {
      drop(dropped->code, dropped->message, to_text(record));
      return;
    }
    keep(record, preference);
  }

  void keep(const ChatJson& record, bool preference) {
    if (turns_ == Turns::kPrompts && !preference) {
      keep_prompts(record);
    } else if (turns_ == Turns::kChats && !preference) {
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
    taken_->rows_made += static_cast<std::int64_t>(turns) - 1;
    if (turns > 1) {
      note("turns_expanded", "Dialogues became one row for each answer.", std::to_string(turns) + " turns");
    }
  }

  void push(const ChatJson& record, std::string prompt, std::string completion) {
    Record made;
    made.prompt = std::move(prompt);
    made.completion = std::move(completion);
    made.file_number = facts_.file_number;
    made.line = line_;
    made.label = last_answer(record);
    const auto group = record.find(group_);
    if (!group_.empty() && group != record.end()) {
      made.group = group->is_string() ? group->get<std::string>() : to_text(*group);
    }
    taken_->records.add(made);
  }

  void mended(const std::string& detail) {
    note("json_repaired", "Faults of JSON that leave no doubt were mended.", detail);
  }
  void note(const char* code, const char* message, const std::string& detail) {
    taken_->notes.push_back({code, message, false, line_, excerpt(detail)});
  }
  void drop(const char* code, const char* message, const std::string& detail) {
    taken_->notes.push_back({code, message, true, line_, excerpt(detail)});
  }

  TakerFacts facts_;
  Turns turns_;
  std::string group_;
  images::ImageChecker images_;
  read::RecordParser parser_;
  read::LineJoiner joiner_;
  Taken* taken_ = nullptr;  // while take() runs
  std::int64_t line_ = 0;
};

}  // namespace

std::unique_ptr<Taker> make_chat_taker(TakerFacts facts, const Settings& settings) {
  return std::make_unique<ChatTaker>(std::move(facts), settings);
}

}  // namespace luthier::data
