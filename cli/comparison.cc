#include "cli/comparison.h"

#include <algorithm>
#include <map>
#include <sstream>

#include "base/paired_bootstrap.h"

namespace luthier::cli {
namespace {

std::map<std::string, int> words_of(const std::string& text) {
  std::map<std::string, int> words;
  std::istringstream stream(text);
  for (std::string word; stream >> word;) {
    ++words[word];
  }
  return words;
}

int count(const std::map<std::string, int>& words) {
  int sum = 0;
  for (const auto& [word, times] : words) {
    sum += times;
  }
  return sum;
}

// UTF-8 is not cut within a character.
std::size_t bytes_of_columns(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (std::size_t seen = 0; at < text.size(); ++at) {
    const bool begins = (static_cast<unsigned char>(text[at]) & 0xC0U) != 0x80U;
    if (begins && ++seen > columns) {
      break;
    }
  }
  return at;
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  std::istringstream paragraphs{std::string(text)};
  for (std::string paragraph; std::getline(paragraphs, paragraph);) {
    std::string rest = printable(paragraph);
    while (columns_of(rest) > columns) {
      const std::size_t most = bytes_of_columns(rest, columns);
      const std::size_t blank = rest.rfind(' ', most);
      const std::size_t end = blank == std::string::npos || blank == 0 ? most : blank;
      lines.push_back(rest.substr(0, end));
      rest.erase(0, rest[end] == ' ' ? end + 1 : end);
    }
    lines.push_back(rest);
  }
  return lines;
}

using Score = double (*)(const std::string& answer, const std::string& expected);

Result<ScoreRow> score(const std::string& name, Score of, const std::vector<Answers>& answers, double confidence) {
  std::vector<ScorePart> first;
  std::vector<ScorePart> second;
  for (const Answers& each : answers) {
    if (each.scored()) {
      first.push_back({.total = of(each.first, each.expected)});
      second.push_back({.total = of(each.second, each.expected)});
    }
  }
  LUTHIER_TRY(const PairedDifference found, paired_bootstrap(second, first, {.confidence = confidence}));
  return ScoreRow{.name = name,
                  .first = found.second,
                  .second = found.first,
                  .difference = found.difference,
                  .low = found.interval.low,
                  .high = found.interval.high,
                  .confidence = confidence,
                  .examples = static_cast<int>(first.size())};
}

}  // namespace

Verdict Answers::verdict() const {
  if (!scored()) {
    return Verdict::kUnscored;
  }
  const std::pair one{exact_match(first, expected), word_overlap(first, expected)};
  const std::pair other{exact_match(second, expected), word_overlap(second, expected)};
  return one == other ? Verdict::kSame : one > other ? Verdict::kFirst : Verdict::kSecond;
}

double exact_match(const std::string& answer, const std::string& expected) { return answer == expected ? 1 : 0; }

double word_overlap(const std::string& answer, const std::string& expected) {
  const std::map<std::string, int> given = words_of(answer);
  const std::map<std::string, int> wanted = words_of(expected);
  int common = 0;
  for (const auto& [word, times] : given) {
    const auto found = wanted.find(word);
    common += found == wanted.end() ? 0 : std::min(times, found->second);
  }
  const int all = count(given) + count(wanted);
  return all == 0 ? 1 : 2.0 * common / all;
}

Result<std::vector<ScoreRow>> score_answers(const std::vector<Answers>& answers, double confidence) {
  std::vector<ScoreRow> rows;
  if (std::ranges::any_of(answers, &Answers::scored)) {
    LUTHIER_TRY(ScoreRow exact, score("exact match", exact_match, answers, confidence));
    LUTHIER_TRY(ScoreRow overlap, score("word overlap", word_overlap, answers, confidence));
    rows = {std::move(exact), std::move(overlap)};
  }
  return rows;
}

std::string verdict_sentence(const ScoreRow& row, const std::string& first, const std::string& second) {
  const std::string numbers = row.name + " " + format_number(row.second) + " against " + format_number(row.first) +
                              ", a difference of " + format_number(row.difference) + " (" +
                              format_number(100 * row.confidence) + "% interval " + format_number(row.low) + " to " +
                              format_number(row.high) + ", " + std::to_string(row.examples) +
                              (row.examples == 1 ? " example)" : " examples)");
  if (row.low > 0) {
    return second + " is better than " + first + ": " + numbers;
  }
  if (row.high < 0) {
    return second + " is worse than " + first + ": " + numbers;
  }
  return "these examples do not show that " + first + " and " + second + " differ: " + numbers;
}

std::string side_by_side(std::string_view left, std::string_view right, std::size_t width, const std::string& indent) {
  const std::size_t taken = indent.size() + 3;
  const std::size_t column = std::max<std::size_t>(10, (std::max(width, taken) - taken) / 2);
  const std::vector<std::string> lines = wrap(left, column);
  const std::vector<std::string> others = wrap(right, column);
  std::string text;
  for (std::size_t i = 0; i < std::max({lines.size(), others.size(), std::size_t{1}}); ++i) {
    const std::string line = i < lines.size() ? lines[i] : "";
    text += indent + line + std::string(column - std::min(column, columns_of(line)), ' ') + " |";
    text += i < others.size() && !others[i].empty() ? " " + others[i] + "\n" : "\n";
  }
  return text;
}

}  // namespace luthier::cli
