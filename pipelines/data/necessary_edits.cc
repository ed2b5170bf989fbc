#include <algorithm>
#include <unordered_map>

#include "pipelines/data/edits.h"
#include "pipelines/data/whitespace.h"
#include "pipelines/text/normalize.h"

namespace luthier::data {
namespace {

Example example_of(const Record& record, std::string detail) {
  return {std::string(record.file), record.line, std::move(detail)};
}

class TakeOffSeparators final : public Edit {
 public:
  explicit TakeOffSeparators(std::vector<std::string> separators) : separators_(std::move(separators)) {}
  void announce(Report&) const override {}
  Result<bool> apply(std::uint64_t, Record& record, Report*) override {
    record.prompt.resize(record.prompt.size() - separators_[record.file_number].size());
    return true;
  }

 private:
  std::vector<std::string> separators_;
};

class PutBackSeparator final : public Edit {
 public:
  explicit PutBackSeparator(std::string separator) : separator_(std::move(separator)) {}
  void announce(Report&) const override {}
  Result<bool> apply(std::uint64_t, Record& record, Report*) override {
    record.prompt += separator_;
    return true;
  }

 private:
  std::string separator_;
};

// One space, and a text behind it.
bool begins_with_one_space(const Record& record) {
  return !record.prompt.empty() && record.completion.starts_with(' ') &&
         trimmed(record.completion).data() == record.completion.data() + 1 && !trimmed(record.completion).empty();
}

// A text, and one line's end behind it.
bool ends_with_one_line_end(const Record& record) {
  const std::string_view body = trimmed(record.completion);
  return record.completion.ends_with('\n') && !body.empty() &&
         body.data() + body.size() + 1 == record.completion.data() + record.completion.size();
}

class TrimWhitespace final : public Edit {
 public:
  explicit TrimWhitespace(KeptWhitespace kept) : kept_(kept) {}
  void announce(Report& report) const override { report.announce(kCode, kMessage, false); }
  Result<bool> apply(std::uint64_t, Record& record, Report* report) override {
    // One leading space on a completion is how prepared data looks, not a stray one.
    const bool prepared = begins_with_one_space(record);
    const std::string_view completion = trimmed(record.completion);
    const std::string_view prompt = trimmed(record.prompt);
    const std::size_t kept = completion.size() + (prepared ? 1U : 0U) + (kept_.line_end ? 1U : 0U);
    const bool stray = prompt.size() != record.prompt.size() || kept != record.completion.size();
    if (stray && report != nullptr) {
      report->add(kCode, kMessage, false, example_of(record, detail_of(record)));
    }
    record.prompt = std::string(prompt);
    record.completion = (kept_.space ? " " : "") + std::string(completion) + (kept_.line_end ? "\n" : "");
    return true;
  }

 private:
  static constexpr const char* kCode = "whitespace_trimmed";
  static constexpr const char* kMessage = "White space around prompts and completions was removed.";
  KeptWhitespace kept_;
};

class DropMissing final : public Edit {
 public:
  DropMissing(const char* code, const char* message, std::string Record::*missing, std::string Record::*shown)
      : code_(code), message_(message), missing_(missing), shown_(shown) {}
  void announce(Report& report) const override { report.announce(code_, message_, true); }
  Result<bool> apply(std::uint64_t, Record& record, Report* report) override {
    const bool missing = (record.*missing_).empty();
    if (missing && report != nullptr) {
      report->add(code_, message_, true, example_of(record, excerpt(record.*shown_)));
    }
    return !missing;
  }

 private:
  const char* code_;
  const char* message_;
  std::string Record::*missing_;
  std::string Record::*shown_;
};

class UniteLabels final : public Edit {
 public:
  explicit UniteLabels(Spellings spellings) : spellings_(std::move(spellings)) {}
  void announce(Report& report) const override {
    report.announce(kUnknown, kUnknownMessage, true);
    report.announce(kUnited, kUnitedMessage, false);
  }
  Result<bool> apply(std::uint64_t, Record& record, Report* report) override {
    LUTHIER_TRY(const std::string* spelling, spelling_of(record.completion));
    if (spelling == nullptr) {
      if (report != nullptr) {
        report->add(kUnknown, kUnknownMessage, true, example_of(record, detail_of(record)));
      }
      return false;
    }
    const std::string label = (record.completion.starts_with(' ') ? " " : "") + *spelling;
    if (record.completion != label) {
      if (report != nullptr) {
        report->add(kUnited, kUnitedMessage, false,
                    example_of(record, "\"" + excerpt(record.completion) + "\" -> \"" + excerpt(label) + "\""));
      }
      record.completion = label;
    }
    return true;
  }

 private:
  static constexpr const char* kUnknown = "unknown_label";
  static constexpr const char* kUnknownMessage = "Rows with a label that is not in `labels` were dropped.";
  static constexpr const char* kUnited = "label_united";
  static constexpr const char* kUnitedMessage =
      "Labels that differ in case or white space only were given one spelling.";
  static constexpr std::size_t kRememberedMax = 10'000;

  // nullptr: none. Labels come again and again, so what was found is remembered.
  Result<const std::string*> spelling_of(const std::string& label) {
    const auto known = remembered_.find(label);
    if (known != remembered_.end()) {
      return known->second;
    }
    LUTHIER_TRY(const std::string folded, folded_label(label));
    const auto chosen = spellings_.find(folded);
    const std::string* spelling = chosen == spellings_.end() ? nullptr : &chosen->second;
    if (remembered_.size() == kRememberedMax) {
      remembered_.clear();
    }
    remembered_.emplace(label, spelling);
    return spelling;
  }

  Spellings spellings_;
  std::unordered_map<std::string, const std::string*> remembered_;
};

}  // namespace

void KeptWhitespace::look_at(const Record& record) {
  space = space && begins_with_one_space(record);
  line_end = line_end && ends_with_one_line_end(record);
}

std::unique_ptr<Edit> take_off_separators(std::vector<std::string> separators) {
  return std::make_unique<TakeOffSeparators>(std::move(separators));
}

std::unique_ptr<Edit> put_back_separator(std::string separator) {
  return std::make_unique<PutBackSeparator>(std::move(separator));
}

std::unique_ptr<Edit> trim_whitespace(KeptWhitespace kept) { return std::make_unique<TrimWhitespace>(kept); }

std::unique_ptr<Edit> drop_missing_completions() {
  return std::make_unique<DropMissing>("missing_completion", "Rows without a label or completion were dropped.",
                                       &Record::completion, &Record::prompt);
}

std::unique_ptr<Edit> drop_missing_prompts() {
  return std::make_unique<DropMissing>("missing_prompt", "Rows with a label but without a prompt were dropped.",
                                       &Record::prompt, &Record::completion);
}

Result<std::string> folded_label(const std::string& label) { return text::fold_case(collapsed(label)); }

Result<Spellings> choose_spellings(const std::vector<std::string>& labels,
                                   const std::map<std::string, std::int64_t>& counts) {
  Spellings chosen;
  for (const std::string& label : labels) {
    LUTHIER_TRY(const std::string folded, folded_label(label));
    chosen.emplace(folded, label);
  }
  if (!labels.empty()) {
    return chosen;
  }
  std::map<std::string, std::map<std::string, std::int64_t>> spellings;  // by folded label
  for (const auto& [spelling, count] : counts) {
    LUTHIER_TRY(const std::string folded, folded_label(spelling));
    spellings[folded][spelling] += count;
  }
  for (const auto& [folded, of_label] : spellings) {
    std::int64_t most = 0;
    for (const auto& [spelling, count] : of_label) {
      if (count > most || (count == most && spelling == folded)) {
        most = count;
        chosen[folded] = collapsed(spelling);
      }
    }
  }
  return chosen;
}

std::unique_ptr<Edit> unite_labels(Spellings spellings) { return std::make_unique<UniteLabels>(std::move(spellings)); }

}  // namespace luthier::data
