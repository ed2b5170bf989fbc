// Affix: what all texts begin or end with, in whole characters, and what may be put there. Pure; UTF-8.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace luthier::data {

enum class End { kFront, kBack };

class CommonAffix {
 public:
  explicit CommonAffix(End end) : end_(end) {}
  void add(std::string_view text);
  // Empty without texts.
  [[nodiscard]] std::string text() const;
  // Whether all texts are this one and the same; also without texts.
  [[nodiscard]] bool all_same() const { return all_same_; }

 private:
  End end_;
  bool any_ = false;
  bool all_same_ = true;
  std::string first_;
  std::size_t length_ = 0;  // bytes that all have in common
};

// In the order in which the legacy tool tries them, but for the last resorts. The first separator is for prompts of one
// line only.
inline constexpr std::array<std::string_view, 6> kSeparators = {" ->",         "\n\n###\n\n",  "\n\n===\n\n",
                                                                "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n"};
inline constexpr std::string_view kLastSeparator = "\n\n### =>\n\n";
inline constexpr std::array<std::string_view, 9> kEndings = {"\n",  ".",   " END", "***", "+++",
                                                             "&&&", "$$$", "@@@",  "%%%"};
inline constexpr std::string_view kLastEnding = " [END]";

// All separators, the last resort last.
inline constexpr std::array<std::string_view, 7> kKnownSeparators = {
    kSeparators[0], kSeparators[1], kSeparators[2], kSeparators[3], kSeparators[4], kSeparators[5], kLastSeparator};

// Which of them texts contain, looked at text by text, so that one that no text contains can be suggested.
class UsedSeparators {
 public:
  void look_at(std::string_view prompt);
  // The first known one that no prompt contains.
  [[nodiscard]] std::string suggestion() const;

 private:
  bool line_end_ = false;
  std::array<bool, kSeparators.size()> used_{};
};
class UsedEndings {
 public:
  void look_at(std::string_view completion);
  [[nodiscard]] std::string suggestion() const;

 private:
  std::array<bool, kEndings.size()> used_{};
};

// Whether `text` is one of those that may be suggested; a full stop and a line's end are natural endings as well, and
// so are not known by their looks.
[[nodiscard]] bool is_known_separator(std::string_view text);
[[nodiscard]] bool is_known_ending(std::string_view text);

// Whether `text` also occurs before the end of `whole`.
[[nodiscard]] bool occurs_inside(std::string_view whole, std::string_view text);

// `text` in double quotes as JSON writes it, so that line ends show.
[[nodiscard]] std::string in_quotes(std::string_view text);

}  // namespace luthier::data
