// Comparison of what two models answered: scores of every answer, how sure one may be of their difference, and the text
// for a terminal. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/format.h"

namespace luthier::cli {

// Which of the two answered a question better.
enum class Verdict { kUnscored, kSame, kFirst, kSecond };

// One question and what both said. Scores are from 0 to 1, and only there when something was expected.
struct Answers {
  std::string prompt;
  std::string expected;  // "" when not known
  std::string first;
  std::string second;

  [[nodiscard]] bool scored() const { return !expected.empty(); }
  [[nodiscard]] bool differ() const { return first != second; }
  // By the exact match, then by the overlap.
  [[nodiscard]] Verdict verdict() const;
};

// One kind of score over all questions with an expected answer.
struct ScoreRow {
  std::string name;  // "exact match", "word overlap"
  double first = 0;  // means
  double second = 0;
  double difference = 0;  // second - first
  double low = 0;         // of the difference, by the paired bootstrap
  double high = 0;
  double confidence = 0;
  int examples = 0;
};

// 1 when an answer is what was expected, else 0.
[[nodiscard]] double exact_match(const std::string& answer, const std::string& expected);
// F1 of the words that both have, each as often as it is there: 1 for the same words, 0 for none in common.
[[nodiscard]] double word_overlap(const std::string& answer, const std::string& expected);

// Empty when no question has an expected answer. kInvalidArgument when `confidence` is not between 0 and 1.
[[nodiscard]] Result<std::vector<ScoreRow>> score_answers(const std::vector<Answers>& answers, double confidence);

// "tuned is better: exact match 0.9 against 0.1, a difference of 0.8 (95% interval 0.7 to 0.9, 50 examples)".
[[nodiscard]] std::string verdict_sentence(const ScoreRow& row, const std::string& first, const std::string& second);

// Two texts beside each other, wrapped to `width` columns in all; each line begins with `indent`.
[[nodiscard]] std::string side_by_side(std::string_view left, std::string_view right, std::size_t width,
                                       const std::string& indent);

}  // namespace luthier::cli
