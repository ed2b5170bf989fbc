#include <array>

#include "base/check.h"
#include "pipelines/data/affix.h"
#include "pipelines/data/element_parser.h"
#include "pipelines/data/taker.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr const char* kBlankMessage = "Rows without any content were dropped.";

class TableTaker final : public Taker {
 public:
  TableTaker(TakerFacts facts, const Header& header, const ColumnChoice& choice, const Settings& settings)
      : facts_(std::move(facts)), clean_(settings.clean), parser_(facts_.file) {
    const auto name = [&](const std::optional<std::size_t>& column) {
      return column ? std::optional(header.columns[*column]) : std::nullopt;
    };
    // Text for pretraining has one column, kept where completions are: it is what the model shall say.
    const bool is_text = !choice.completion.has_value();
    completion_ = name(is_text ? choice.prompt : choice.completion);
    prompt_ = is_text ? std::nullopt : name(choice.prompt);
    group_ = name(choice.group);
    LUTHIER_CHECK(completion_.has_value());
  }

  Taken take(const read::Batch& batch) override {
    Taken taken;
    std::size_t problem = 0;
    for (std::size_t i = 0; i < batch.records.size() && !taken.error; ++i) {
      for (; problem < batch.problems.size() && batch.problems[problem].line <= batch.records[i].line; ++problem) {
        take_problem(batch.problems[problem], taken);
      }
      i = take_record(batch, i, taken);
    }
    for (; problem < batch.problems.size() && !taken.error; ++problem) {
      take_problem(batch.problems[problem], taken);
    }
    return taken;
  }

 private:
  // Of a place that gave no record.
  void take_problem(const read::Problem& problem, Taken& taken) {
    const bool row_is_lost = problem.code == "row_fields" || problem.code == "after_quote";
    const bool file_is_lost = problem.code == "header" || problem.code == "open_quote" || problem.code == "not_utf8";
    if (problem.severity != read::Severity::kError) {
      taken.advice.push_back(read::to_string(problem));
    } else if (row_is_lost) {
      ++taken.rows;
      taken.notes.push_back({"malformed_rows", "Rows with another number of fields than the header were dropped.", true,
                             problem.line, problem.message});
    } else if (file_is_lost) {
      refuse(problem, taken);
    } else {
      taken.notes.push_back(
          {"json_repaired", "Faults of JSON that leave no doubt were mended.", false, problem.line, problem.message});
    }
  }

  static void refuse(const read::Problem& problem, Taken& taken) {
    read::Problem without_code = problem;
    without_code.code.clear();
    std::string place = problem.file + ":" + std::to_string(problem.line);
    place += problem.column > 0 ? ":" + std::to_string(problem.column) : "";
    taken.error = Error{ErrorCode::kInvalidArgument, place + ": " + problem.message};
  }

  // The last record of the batch that was taken.
  std::size_t take_record(const read::Batch& batch, std::size_t index, Taken& taken) {
    ++taken.rows;
    const read::RawRecord& raw = batch.records[index];
    const ParsedElement parsed = parser_.parse(batch, index);
    if (parsed.object) {
      if (parsed.problem) {
        taken.notes.push_back({"json_repaired", "Faults of JSON that leave no doubt were mended.", false, raw.line,
                               parsed.problem->message});
      }
      take_row(*parsed.object, raw.line, taken);
    } else if (!parsed.problem) {
      note_blank(raw.line, taken);
    } else if (parsed.problem->code == "not_utf8") {
      refuse(*parsed.problem, taken);
    } else {
      const std::string column =
          parsed.problem->column > 0 ? "column " + std::to_string(parsed.problem->column) + ": " : "";
      taken.notes.push_back({"broken_json", "Records that are not JSON were dropped.", true, parsed.problem->line,
                             column + parsed.problem->message});
    }
    return parsed.last;
  }

  void take_row(object row, std::int64_t line, Taken& taken) {
    Record record;
    record.line = line;
    record.file_number = facts_.file_number;
    std::string nested;
    for (const auto& [name, value] : row) {  // of members of one name the last counts
      if (completion_ && name == *completion_) {
        set(record.completion, *completion_, value, nested);
      }
      if (prompt_ && name == *prompt_) {
        set(record.prompt, *prompt_, value, nested);
      }
      if (group_ && name == *group_) {
        record.group = to_cell(value).value_or("");
      }
    }
    if (!nested.empty()) {
      taken.error = Error{ErrorCode::kInvalidArgument, facts_.file + ":" + std::to_string(line) + ": \"" + nested +
                                                           "\" holds a list or an object; it must be text or a number"};
      return;
    }
    if (no_content(record.prompt) && no_content(record.completion) && is_blank(row)) {
      note_blank(line, taken);
      return;
    }
    for (std::size_t i = 0; i < kKnownSeparators.size(); ++i) {
      if (!record.prompt.ends_with(kKnownSeparators[i])) {
        taken.separators &= ~(1U << i);
      }
    }
    taken.records.add(record);
  }

  static void note_blank(std::int64_t line, Taken& taken) {
    if (!taken.notes.empty() && taken.notes.back().code == "blank_rows" &&
        taken.notes.back().line + taken.notes.back().rows == line) {
      ++taken.notes.back().rows;
    } else {
      taken.notes.push_back({"blank_rows", kBlankMessage, true, line, "blank"});
    }
  }

  static void set(std::string& cell, const std::string& name, element value, std::string& nested) {
    auto text = to_cell(value);
    nested = text ? nested : name;
    cell = std::move(text).value_or("");
  }

  // Where rows are cleaned, white space is no content either.
  [[nodiscard]] bool no_content(std::string_view text) const { return clean_ ? trimmed(text).empty() : text.empty(); }

  [[nodiscard]] bool is_blank(object row) const {
    for (const auto& [name, value] : row) {
      const auto cell = to_cell(value);
      if (!cell || !no_content(*cell)) {
        return false;
      }
    }
    return true;
  }

  TakerFacts facts_;
  bool clean_;
  std::optional<std::string> prompt_;  // names of columns
  std::optional<std::string> completion_;
  std::optional<std::string> group_;
  ElementParser parser_;
};

class ParagraphTaker final : public Taker {
 public:
  explicit ParagraphTaker(TakerFacts facts) : facts_(std::move(facts)), parser_(facts_.file) {}

  Taken take(const read::Batch& batch) override {
    Taken taken;
    for (const read::Problem& problem : batch.problems) {  // not UTF-8
      taken.error = Error{ErrorCode::kInvalidArgument,
                          problem.file + ":" + std::to_string(problem.line) + ": " + problem.message};
      return taken;
    }
    for (std::size_t i = 0; i < batch.records.size() && !taken.error; ++i) {
      const ParsedElement parsed = parser_.parse(batch, i);
      const std::string line = parsed.object ? to_cell(parsed.object->begin().value()).value_or("") : std::string();
      take_line(line, batch.records[i].line, taken);
    }
    return taken;
  }

  Taken finish() override {
    Taken taken;
    end_paragraph(taken);
    return taken;
  }

 private:
  void take_line(const std::string& line, std::int64_t number, Taken& taken) {
    if (trimmed(line).empty()) {
      end_paragraph(taken);
      return;
    }
    if (begin_ == 0) {
      begin_ = number;
      text_ = line;
      return;
    }
    text_ += "\n" + line;
    if (text_.size() > read::kRecordBytesMax) {
      taken.error = Error{ErrorCode::kInvalidArgument,
                          facts_.file + ":" + std::to_string(begin_) + ": this paragraph is longer than " +
                              std::to_string(read::kRecordBytesMax >> 20) +
                              " MiB; paragraphs end at a blank line: put some in, or say task: generation, which takes "
                              "each line for itself"};
    }
  }

  void end_paragraph(Taken& taken) {
    if (begin_ == 0) {
      return;
    }
    Record record;
    record.completion = std::move(text_);
    record.line = begin_;
    record.file_number = facts_.file_number;
    taken.records.add(record);
    ++taken.rows;
    text_.clear();
    begin_ = 0;
  }

  TakerFacts facts_;
  ElementParser parser_;
  std::string text_;
  std::int64_t begin_ = 0;  // the line at which the paragraph begins; 0: outside of one
};

}  // namespace

std::unique_ptr<Taker> make_table_taker(TakerFacts facts, const Header& header, const ColumnChoice& choice,
                                        const Settings& settings) {
  return std::make_unique<TableTaker>(std::move(facts), header, choice, settings);
}

std::unique_ptr<Taker> make_paragraph_taker(TakerFacts facts) {
  return std::make_unique<ParagraphTaker>(std::move(facts));
}

}  // namespace luthier::data
