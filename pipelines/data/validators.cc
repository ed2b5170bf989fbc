#include "pipelines/data/validators.h"

#include "pipelines/data/letters.h"

namespace luthier::data {
namespace {

constexpr std::size_t kAffixCharactersLong = 10;  // longer ones are odd for a separator
constexpr std::size_t kPromptPrefixMax = 12;      // longer ones are removed
constexpr std::size_t kCompletionPrefixMin = 5;   // from here on they are removed

std::string rows_text(std::int64_t rows, const char* what = "row") {
  return std::to_string(rows) + " " + what + (rows == 1 ? "" : "s");
}

enum Column { kPrompts, kCompletions };

class Validation {
 public:
  Validation(const Statistics& statistics, ValidatorOptions options)
      : statistics_(statistics), options_(std::move(options)), shape_(options_.shape.value_or(statistics.shape)) {}

  std::vector<Finding> run_repeats() {
    duplicates();
    return std::move(findings_);
  }

  std::vector<Finding> run() {
    shape();
    duplicates();
    conflicts();
    long_examples();
    case_of(kPrompts);
    case_of(kCompletions);
    prompt_suffix();
    if (!is_fatal()) {
      prompt_prefix();
      completion_prefix();
      completion_suffix();
    }
    if (!is_fatal()) {
      completion_space();
    }
    return std::move(findings_);
  }

 private:
  [[nodiscard]] bool is_fatal() const { return !findings_.empty() && findings_.back().severity == Severity::kFatal; }

  Finding& add(const char* code, Severity severity, std::string message) {
    findings_.push_back({code, severity, std::move(message), {}, {}, 0, {}, Repair::kNone, false});
    return findings_.back();
  }

  Finding& recommend(const char* code, Repair repair, std::string message, std::string action) {
    Finding& finding = add(code, Severity::kRecommended, std::move(message));
    finding.action = std::move(action);
    finding.repair = repair;
    return finding;
  }

  // Nothing is added when no row is concerned.
  void recommend_rows(const char* code, Repair repair, const char* message, const char* action,
                      const ConcernedRows& concerned) {
    if (concerned.rows > 0) {
      Finding& finding = recommend(code, repair, rows_text(concerned.rows) + " " + message,
                                   std::string(action) + " " + rows_text(concerned.rows));
      finding.rows = concerned.rows;
      finding.first = concerned.first;
    }
  }

  void shape() {
    if (shape_ == Shape::kClassification) {
      Finding& finding =
          add("classification", Severity::kNote,
              "the data looks like a classification: there are few different completions, each for many prompts; a "
              "small model is often enough, and rows held out for validation show how well it does");
      finding.text = name_of(shape_);
    }
  }

  void duplicates() {
    recommend_rows("duplicate_rows", Repair::kDropDuplicates, "repeat an earlier one", "drop", statistics_.repeated);
  }

  void conflicts() {
    if (options_.clean && shape_ == Shape::kClassification) {
      recommend_rows("conflicting_labels", Repair::kDropConflicts,
                     "have a prompt that other rows label otherwise: no one label is known to be right", "drop",
                     statistics_.conflicting);
    }
  }

  void long_examples() {
    if (shape_ != Shape::kOpenEnded) {
      recommend_rows("long_examples", Repair::kDropLong,
                     "have more than 10,000 characters, too many for a context of 2,048 tokens", "drop",
                     statistics_.long_rows);
    }
  }

  void case_of(Column column) {
    const bool of_prompts = column == kPrompts;
    if (!of_prompts && options_.fixed_labels) {
      return;
    }
    const LetterCounts& counts = of(column).letters;
    if (counts.upper * 2 > counts.lower) {
      const std::string what = of_prompts ? "prompts" : "completions";
      recommend(of_prompts ? "prompts_upper_case" : "completions_upper_case",
                of_prompts ? Repair::kLowerCasePrompts : Repair::kLowerCaseCompletions,
                "more than a third of the letters of the " + what + " are capitals (" + std::to_string(counts.upper) +
                    " of " + std::to_string(counts.upper + counts.lower) +
                    "), which models know less well than ordinary writing",
                "lower-case all " + what + (of_prompts ? " (then also those that you ask with)" : ""));
    }
  }

  // Notes what the column ends with, and what is odd about it.
  void note_suffix(const char* code, Column column, const std::string& suffix, const std::string& suggestion) {
    std::string message =
        std::string("all ") + (column == kPrompts ? "prompts" : "completions") + " end with " + in_quotes(suffix);
    if (count_characters(suffix) > kAffixCharactersLong) {
      message += ", which is long; a shorter one such as " + in_quotes(suggestion) + " would do";
    }
    const std::int64_t inside = of(column).suffix_inside;
    if (inside > 0) {
      message += "; " + rows_text(inside) + " also contain" + (inside == 1 ? "s" : "") +
                 " it before the end, so that it does not mark the end";
    }
    Finding& finding = add(code, Severity::kNote, std::move(message));
    finding.text = suffix;
    finding.rows = inside;
  }

  // Takes the separator out of the inputs: then it marks their end alone.
  void separator_inside(const std::string& separator) {
    const std::size_t before = findings_.size();
    recommend_rows("separator_inside", Repair::kRemoveSeparatorInside,
                   "contain the separator's text before the end of the prompt", "remove that text from",
                   statistics_.separator_inside);
    if (findings_.size() > before) {
      findings_.back().text = separator;
    }
  }

  void prompt_suffix() {
    if (shape_ == Shape::kOpenEnded) {
      return;
    }
    const std::string suffix = statistics_.prompts.suffix.text();
    if (statistics_.prompts.suffix.all_same()) {
      Finding& finding = add("prompts_identical", Severity::kFatal,
                             "all prompts are the same (" + in_quotes(excerpt(suffix)) +
                                 "): leave them empty if the model shall write freely, otherwise make them differ");
      finding.text = suffix;
      return;
    }
    if (!options_.separator.empty() && !suffix.ends_with(options_.separator)) {
      separator_inside(options_.separator);
      add_separator("prompts do not all end with the separator that was asked for", options_.separator);
    } else if (suffix.empty()) {
      add_separator("prompts have no common ending: one makes clear to the model where the completion begins",
                    statistics_.separators.suggestion());
    } else {
      note_suffix("prompt_suffix", kPrompts, suffix, statistics_.separators.suggestion());
      const std::string& separator = options_.separator.empty() ? suffix : options_.separator;
      if (options_.clean && (is_known_separator(separator) || !options_.separator.empty())) {
        separator_inside(separator);
      }
    }
  }

  void add_separator(const char* message, const std::string& separator) {
    Finding& finding =
        recommend("separator_missing", Repair::kAddSeparator, message, "end every prompt with " + in_quotes(separator));
    finding.text = separator;
  }

  void prompt_prefix() {
    const std::string prefix = statistics_.prompts.prefix.text();
    if (prefix.empty() || statistics_.prompts.prefix.all_same()) {
      return;
    }
    const std::string message = "all prompts begin with " + in_quotes(prefix);
    if (count_characters(prefix) > kPromptPrefixMax) {
      recommend("prompt_prefix", Repair::kRemovePromptPrefix,
                message + "; a tuned model needs no instruction that is always the same", "remove it from all prompts")
          .text = prefix;
    } else {
      add("prompt_prefix", Severity::kNote, message).text = prefix;
    }
  }

  void completion_prefix() {
    const std::string prefix = statistics_.completions.prefix.text();
    if (count_characters(prefix) < kCompletionPrefixMin || statistics_.completions.prefix.all_same()) {
      return;
    }
    Finding& finding = recommend("completion_prefix", Repair::kRemoveCompletionPrefix,
                                 "all completions begin with " + in_quotes(prefix) + ", which tells the model nothing",
                                 "remove it from all completions");
    finding.text = prefix;
    finding.keep_space = prefix.starts_with(' ');
  }

  void completion_suffix() {
    if (shape_ != Shape::kConditional) {
      return;
    }
    const std::string suffix = statistics_.completions.suffix.text();
    if (statistics_.completions.suffix.all_same()) {
      Finding& finding = add("completions_identical", Severity::kFatal,
                             "all completions are the same (" + in_quotes(excerpt(suffix)) +
                                 "): the model would learn to say nothing else; add rows with other completions");
      finding.text = suffix;
      return;
    }
    if (!options_.ending.empty() && !suffix.ends_with(options_.ending)) {
      add_ending("completions do not all end with the ending that was asked for", options_.ending);
    } else if (suffix.empty()) {
      add_ending("completions have no common ending: one makes clear to the model where to stop",
                 statistics_.endings.suggestion());
    } else {
      note_suffix("completion_suffix", kCompletions, suffix, statistics_.endings.suggestion());
    }
  }

  void add_ending(const char* message, const std::string& ending) {
    recommend("ending_missing", Repair::kAddEnding, message, "end every completion with " + in_quotes(ending)).text =
        ending;
  }

  void completion_space() {
    if (!statistics_.all_begin_with_space) {
      recommend("completion_space", Repair::kAddSpace,
                "completions do not all begin with a space, which suits how words are cut into tokens",
                "begin every completion with a space")
          .text = " ";
    }
  }

  [[nodiscard]] const ColumnStatistics& of(Column column) const {
    return column == kPrompts ? statistics_.prompts : statistics_.completions;
  }

  const Statistics& statistics_;
  const ValidatorOptions options_;
  Shape shape_;
  std::vector<Finding> findings_;
};

}  // namespace

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kNote: return "note";
    case Severity::kNecessary: return "necessary";
    case Severity::kRecommended: return "recommended";
    case Severity::kFatal: return "fatal";
  }
  return "";
}

const std::vector<std::string>& recommended_codes() {
  static const std::vector<std::string> codes{"duplicate_rows",     "conflicting_labels",     "long_examples",
                                              "prompts_upper_case", "completions_upper_case", "separator_inside",
                                              "separator_missing",  "prompt_prefix",          "completion_prefix",
                                              "ending_missing",     "completion_space"};
  return codes;
}

std::vector<Finding> validate_repeats(const Statistics& statistics) {
  return Validation(statistics, {.shape = Shape::kOpenEnded}).run_repeats();
}

std::vector<Finding> validate(const Statistics& statistics, const ValidatorOptions& options) {
  return Validation(statistics, options).run();
}

}  // namespace luthier::data
