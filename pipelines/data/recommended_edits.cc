#include <algorithm>
#include <functional>
#include <optional>
#include <utility>

#include "pipelines/data/edits.h"
#include "pipelines/data/letters.h"

namespace luthier::data {
namespace {

Example example_of(const Record& record, std::string detail) {
  return {std::string(record.file), record.line, std::move(detail)};
}

// Rows of a list that rises, dropped. `Entry`: of the list, which DropListed<Entry>::row_of() and detail() know.
template <class Entry>
class DropListed : public Edit {
 public:
  DropListed(const char* code, const char* message, scratch::DiskArray<Entry> list)
      : code_(code), message_(message), list_(std::move(list)) {}
  void announce(Report& report) const override { report.announce(code_, message_, true); }
  void rewind() override {
    at_ = 0;
    piece_.clear();
    piece_begin_ = 0;
  }
  [[nodiscard]] bool drops_by_list() const override { return true; }
  Result<bool> apply(std::uint64_t row, Record& record, Report* report) override {
    while (true) {
      LUTHIER_TRY(const std::optional<Entry> entry, current());
      if (!entry || row_of(*entry) > row) {
        return true;
      }
      ++at_;
      if (row_of(*entry) == row) {
        if (report != nullptr) {
          report->add(code_, message_, true, example_of(record, detail(*entry, record)));
        }
        return false;
      }
    }
  }

 protected:
  virtual std::uint64_t row_of(const Entry& entry) const = 0;
  virtual std::string detail(const Entry& entry, const Record& record) const = 0;

 private:
  static constexpr std::uint64_t kPieceEntries = 4'096;

  Result<std::optional<Entry>> current() {
    if (at_ == list_.size()) {
      return std::optional<Entry>();
    }
    if (at_ >= piece_begin_ + piece_.size()) {
      piece_.clear();
      piece_begin_ = at_;
      LUTHIER_TRY_VOID(
          list_.for_each(at_, std::min(at_ + kPieceEntries, list_.size()), [&](const Entry& entry) -> Result<void> {
            piece_.push_back(entry);
            return {};
          }));
    }
    return std::optional<Entry>(piece_[at_ - piece_begin_]);
  }

  const char* code_;
  const char* message_;
  scratch::DiskArray<Entry> list_;
  std::uint64_t at_ = 0;
  std::vector<Entry> piece_;
  std::uint64_t piece_begin_ = 0;
};

class DropDuplicates final : public DropListed<RepeatedRow> {
 public:
  DropDuplicates(scratch::DiskArray<RepeatedRow> list, const Records& records)
      : DropListed("duplicate_rows", "Rows that repeat an earlier one were dropped.", std::move(list)),
        records_(records) {}

 protected:
  std::uint64_t row_of(const RepeatedRow& entry) const override { return entry.row; }
  std::string detail(const RepeatedRow& entry, const Record& record) const override {
    return "same as " + records_.name_of(entry.first.file_number()) + ":" + std::to_string(entry.first.line()) + ": " +
           detail_of(record);
  }

 private:
  const Records& records_;
};

class DropConflicts final : public DropListed<std::uint64_t> {
 public:
  explicit DropConflicts(scratch::DiskArray<std::uint64_t> list)
      : DropListed("conflicting_labels",
                   "All rows of a prompt that has several labels were dropped: no one label is known to be right.",
                   std::move(list)) {}

 protected:
  std::uint64_t row_of(const std::uint64_t& row) const override { return row; }
  std::string detail(const std::uint64_t&, const Record& record) const override { return detail_of(record); }
};

class DropLong final : public Edit {
 public:
  void announce(Report& report) const override { report.announce(kCode, kMessage, true); }
  Result<bool> apply(std::uint64_t, Record& record, Report* report) override {
    const bool dropped = is_long(record);
    if (dropped && report != nullptr) {
      report->add(kCode, kMessage, true, example_of(record, detail_of(record)));
    }
    return !dropped;
  }

 private:
  static constexpr const char* kCode = "long_examples";
  static constexpr const char* kMessage = "Rows of more than 10,000 characters were dropped.";
};

// Changes records one by one, each by what it says itself.
class ChangeEach final : public Edit {
 public:
  using Change = std::function<bool(Record&)>;  // whether it changed the record
  ChangeEach(std::string code, std::string message, Change change)
      : code_(std::move(code)), message_(std::move(message)), change_(std::move(change)) {}
  void announce(Report& report) const override { report.announce(code_, message_, false); }
  Result<bool> apply(std::uint64_t row, Record& record, Report* report) override {
    if (report == nullptr) {
      (void)change_(record);
      return true;
    }
    std::string before = detail_of(record);
    if (change_(record)) {
      report->add_of_many(code_, message_, example_of(record, std::move(before)), row);
    }
    return true;
  }

 private:
  std::string code_;
  std::string message_;
  Change change_;
};

std::unique_ptr<Edit> lower_case_column(std::string Record::*column) {
  const bool of_prompts = column == &Record::prompt;
  return std::make_unique<ChangeEach>(of_prompts ? "prompts_upper_case" : "completions_upper_case",
                                      of_prompts ? "Prompts were lower-cased; lower-case those that you ask with too."
                                                 : "Completions were lower-cased.",
                                      [column](Record& record) {
                                        std::string lower = lower_case(record.*column);
                                        const bool changed = lower != record.*column;
                                        record.*column = std::move(lower);
                                        return changed;
                                      });
}

bool remove_inside(std::string& text, const std::string& separator) {
  const bool ends = text.ends_with(separator);
  const std::size_t size = text.size() - (ends ? separator.size() : 0);
  std::string body;
  body.reserve(text.size());
  for (std::size_t i = 0; i < size; ++i) {
    body.push_back(text[i]);
    if (body.ends_with(separator)) {  // also one that was joined by taking another out
      body.resize(body.size() - separator.size());
    }
  }
  const bool changed = body.size() != size;
  if (changed) {
    text = body + (ends ? separator : std::string());
  }
  return changed;
}

// `asked`: a person chose the text, so some may end with it already.
std::unique_ptr<Edit> append(std::string Record::*column, std::string text, bool asked) {
  const bool of_prompts = column == &Record::prompt;
  return std::make_unique<ChangeEach>(
      of_prompts ? "separator_added" : "ending_added",
      of_prompts ? "A separator was put at the end of every prompt, so that the model knows where the completion "
                   "begins; end your prompts with it too."
                 : "An ending was put at the end of every completion, so that the model knows where to stop.",
      [column, asked, text = std::move(text)](Record& record) {
        const bool missing = !asked || !(record.*column).ends_with(text);
        record.*column += missing ? text : std::string();
        return missing;
      });
}

std::unique_ptr<Edit> add_space() {
  return std::make_unique<ChangeEach>(
      "completion_space", "Every completion begins with one space, which suits tokenizers best.", [](Record& record) {
        const bool missing = !record.completion.starts_with(' ');
        if (missing) {
          record.completion.insert(0, " ");
        }
        return missing;
      });
}

std::unique_ptr<Edit> remove_prefix(const Finding& finding, std::string Record::*column) {
  return std::make_unique<ChangeEach>(finding.code,
                                      "What all began with (" + in_quotes(excerpt(finding.text)) + ") was removed.",
                                      [column, characters = count_characters(finding.text),
                                       space = std::string(finding.keep_space ? " " : "")](Record& record) {
                                        record.*column = space + std::string(without_first(record.*column, characters));
                                        return true;
                                      });
}

}  // namespace

std::unique_ptr<Edit> edit_of(const Finding& finding, const ValidatorOptions& options, const Records& records,
                              Repeats& repeats) {
  switch (finding.repair) {
    case Repair::kNone: break;
    case Repair::kDropDuplicates: return std::make_unique<DropDuplicates>(std::exchange(repeats.repeated, {}), records);
    case Repair::kDropConflicts: return std::make_unique<DropConflicts>(std::exchange(repeats.conflicting, {}));
    case Repair::kDropLong: return std::make_unique<DropLong>();
    case Repair::kLowerCasePrompts: return lower_case_column(&Record::prompt);
    case Repair::kLowerCaseCompletions: return lower_case_column(&Record::completion);
    case Repair::kRemoveSeparatorInside:
      return std::make_unique<ChangeEach>(
          "separator_inside", "The separator's text was removed from within prompts.",
          [separator = finding.text](Record& record) { return remove_inside(record.prompt, separator); });
    case Repair::kAddSeparator: return append(&Record::prompt, finding.text, !options.separator.empty());
    case Repair::kRemovePromptPrefix: return remove_prefix(finding, &Record::prompt);
    case Repair::kRemoveCompletionPrefix: return remove_prefix(finding, &Record::completion);
    case Repair::kAddEnding: return append(&Record::completion, finding.text, !options.ending.empty());
    case Repair::kAddSpace: return add_space();
  }
  return nullptr;
}

}  // namespace luthier::data
