#include "pipelines/data/check/conclusions.h"

#include <algorithm>

#include "pipelines/data/images/image_checker.h"

namespace luthier::data::check {
namespace {

constexpr std::int64_t kExamplesMin = 10;
constexpr std::int64_t kExamplesOfClass = 100;
constexpr std::int64_t kExamplesOfGeneration = 500;
constexpr std::int64_t kImbalance = 10;        // the largest class to another
constexpr double kDominatingShare = 0.2;       // of one answer, where answers are written
constexpr double kDominatingLabelShare = 0.9;  // of one class
constexpr double kRefusalShare = 0.1;

std::string percent(std::int64_t part, std::int64_t whole) {
  return std::to_string(part * 100 / std::max<std::int64_t>(whole, 1)) + " %";
}

class Conclusions {
 public:
  Conclusions(const Totals& totals, Report& report)
      : totals_(totals), report_(report), kind_(main_kind(totals)), answers_(totals.answers.sorted()) {}

  void draw() {
    report_.training.kind = totals_.kinds.empty() ? "" : std::string(read::name_of(kind_));
    mixed_kinds();
    completions();
    infer_task();
    few();
    if (report_.task == "classification") {
      labels();
    }
    dominating();
  }

 private:
  void add(std::string_view code, std::int64_t line, const std::string& message) {
    report_.findings.add(code, [&] { return Place{report_.training.file, line, 0, message}; });
  }

  std::vector<Place> places(const Tally& tally, const std::string& message) const {
    std::vector<Place> made;
    for (const std::int64_t line : tally.lines) {
      made.push_back({report_.training.file, line, 0, message});
    }
    return made;
  }

  void mixed_kinds() {
    for (const auto& [kind, tally] : totals_.kinds) {
      if (kind != kind_ && kind != RecordKind::kUnknown) {
        report_.findings.add_many("mixed_kinds", tally.count,
                                  places(tally, "is " + std::string(read::name_of(kind)) + ", most are " +
                                                    std::string(read::name_of(kind_))));
      }
    }
  }

  // How completions begin and end is right when all do it in one way.
  void completions() {
    const bool spaced = totals_.starts_with_space.count >= totals_.starts_plain.count;
    const Tally& fewer = spaced ? totals_.starts_plain : totals_.starts_with_space;
    report_.findings.add_many(
        "completion_start_mixed", fewer.count,
        places(fewer, spaced ? "begins without a space, most begin with one" : "begins with a space, most do not"));
    const auto all = totals_.kinds.find(RecordKind::kPromptCompletion);
    for (const auto& [end, tally] : totals_.ends_with_space) {
      const bool common = all != totals_.kinds.end() && tally.count == all->second.count && end != ' ';
      if (!common) {
        report_.findings.add_many(
            "completion_trailing_whitespace", tally.count,
            places(tally, std::string("the completion ends with ") + (end == ' '    ? "a space"
                                                                      : end == '\t' ? "a tab"
                                                                                    : "a line end")));
      }
    }
  }

  void infer_task() {
    const bool answered = kind_ == RecordKind::kChat || kind_ == RecordKind::kPromptCompletion;
    if (kind_ == RecordKind::kText || (answered && totals_.prompts_given == 0 && totals_.examples > 0)) {
      report_.task = "open-ended";
    } else if (answered && totals_.answers.given() > 0) {
      const bool few = !totals_.answers.is_full() &&
                       static_cast<std::int64_t>(totals_.answers.different()) * 3 < totals_.answers.given();
      report_.task = few && totals_.answers.longest_bytes() <= kLabelBytesMax ? "classification" : "generation";
    }
  }

  void few() {
    const std::int64_t examples = totals_.examples;
    if (totals_.records == 0 && report_.findings.count(Severity::kError) == 0) {
      add("no_examples", 0, "the file has no records");
    } else if (totals_.examples_with_images > images::kExamplesWithImagesMax) {
      add("image_examples", 0, "there are " + std::to_string(totals_.examples_with_images) + " examples with images");
    } else if (examples > 0 && examples < kExamplesMin) {
      add("too_few_examples", 0, "there are " + std::to_string(examples));
    } else if (examples >= kExamplesMin && examples < kExamplesOfGeneration && report_.task == "generation") {
      add("few_examples", 0, "there are " + std::to_string(examples));
    }
  }

  void labels() {
    for (const Answer& answer : answers_) {
      report_.labels.push_back({answer.text, answer.count, 0});
    }
    const Answer& largest = answers_.front();
    std::map<std::string, const Answer*> plain;
    for (const Answer& answer : answers_) {
      if (answer.count < kExamplesOfClass) {
        add("few_examples_of_class", answer.line, quote(answer.text) + " has " + std::to_string(answer.count));
      }
      if (answer.count * kImbalance < largest.count) {
        add("label_imbalance", answer.line,
            quote(answer.text) + " has " + std::to_string(answer.count) + ", " + quote(largest.text) + " has " +
                std::to_string(largest.count));
      }
      const auto [known, is_new] = plain.emplace(plain_form(answer.text), &answer);
      if (!is_new) {
        add("label_spelling", answer.line, quote(answer.text) + " beside " + quote(known->second->text));
      }
    }
  }

  // Letters in lower case and digits; and all beyond ASCII.
  static std::string plain_form(const std::string& label) {
    std::string plain;
    for (const char c : label) {
      const bool upper = c >= 'A' && c <= 'Z';
      if (upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80) {
        plain += upper ? static_cast<char>(c - 'A' + 'a') : c;
      }
    }
    return plain.empty() ? label : plain;
  }

  void dominating() {
    const std::int64_t given = totals_.answers.given();
    if (given < kExamplesMin) {
      return;
    }
    const Answer& top = answers_.front();
    const double share = report_.task == "classification" ? kDominatingLabelShare : kDominatingShare;
    if (static_cast<double>(top.count) >= share * static_cast<double>(given)) {
      add("dominating_answer", top.line,
          quote(top.text) + " is " + percent(top.count, given) + " of " + std::to_string(given) + " answers");
    }
    if (static_cast<double>(totals_.refusals.count) >= kRefusalShare * static_cast<double>(given)) {
      report_.findings.add_many(
          "dominating_refusals", totals_.refusals.count,
          places(totals_.refusals, "refuses, as " + percent(totals_.refusals.count, given) + " of all answers do"));
    }
  }

  const Totals& totals_;
  Report& report_;
  RecordKind kind_;
  std::vector<Answer> answers_;
};

}  // namespace

RecordKind main_kind(const Totals& totals) {
  RecordKind most = RecordKind::kUnknown;
  std::int64_t count = 0;
  for (const auto& [kind, tally] : totals.kinds) {
    if (kind != RecordKind::kUnknown && tally.count > count) {
      most = kind;
      count = tally.count;
    }
  }
  return most;
}

void conclude(const Totals& totals, Report& report) { Conclusions(totals, report).draw(); }

}  // namespace luthier::data::check
