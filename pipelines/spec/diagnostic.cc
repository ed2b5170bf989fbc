#include "pipelines/spec/diagnostic.h"

#include <algorithm>
#include <numeric>

namespace luthier::spec {
namespace {

constexpr std::size_t kWordLengthMax = 64;  // longer words are no slips of the keyboard
constexpr std::size_t kNamesListedMax = 20;

// Levenshtein's distance, with a swap of neighbours as one edit.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> previous(b.size() + 1);
  std::vector<std::size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::string_view line_of(std::string_view source, int line) {
  for (int number = 1; number < line; ++number) {
    const std::size_t end = source.find('\n');
    if (end == std::string_view::npos) {
      return {};
    }
    source.remove_prefix(end + 1);
  }
  source = source.substr(0, source.find('\n'));
  if (source.ends_with('\r')) {
    source.remove_suffix(1);
  }
  return source;
}

}  // namespace

std::string to_string(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file;
  if (diagnostic.at.line > 0) {
    text += ":" + std::to_string(diagnostic.at.line) + ":" + std::to_string(diagnostic.at.column);
  }
  return text + ": " + diagnostic.message;
}

std::string render(const Diagnostic& diagnostic, std::string_view source) {
  std::string text = to_string(diagnostic);
  if (diagnostic.at.line <= 0) {
    return text;
  }
  const std::string_view line = line_of(source, diagnostic.at.line);
  const std::string number = std::to_string(diagnostic.at.line);
  text += "\n  " + number + " | " + std::string(line) + "\n  " + std::string(number.size(), ' ') + " | ";
  const std::size_t before = std::min(line.size(), static_cast<std::size_t>(std::max(diagnostic.at.column - 1, 0)));
  for (const char c : line.substr(0, before)) {
    if (c == '\t') {
      text += '\t';
    } else if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U) {  // one space per character, not per byte
      text += ' ';
    }
  }
  return text + "^";
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  if (word.empty() || word.size() > kWordLengthMax) {
    return best;
  }
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > kWordLengthMax) {
      continue;
    }
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance && distance < candidate.size()) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string near = nearest(word, candidates);
  if (!near.empty()) {
    return "; did you mean '" + near + "'?";
  }
  if (candidates.empty() || candidates.size() > kNamesListedMax) {
    return "";
  }
  std::string list;
  for (const std::string& candidate : candidates) {
    list += (list.empty() ? "" : ", ") + candidate;
  }
  return "; known: " + list;
}

}  // namespace luthier::spec
