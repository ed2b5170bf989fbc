// What prompts and completions have in common at their ends, and what may be put there.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "pipelines/data/validators.h"

namespace luthier::data {
namespace {

// In the order in which the legacy tool tries them. The first separator is for prompts of one line only.
constexpr std::array<std::string_view, 6> kSeparators = {" ->",         "\n\n###\n\n",  "\n\n===\n\n",
                                                         "\n\n---\n\n", "\n\n===>\n\n", "\n\n--->\n\n"};
constexpr std::string_view kLastSeparator = "\n\n### =>\n\n";
constexpr std::array<std::string_view, 9> kEndings = {"\n", ".", " END", "***", "+++", "&&&", "$$$", "@@@", "%%%"};
constexpr std::string_view kLastEnding = " [END]";

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

bool any_contains(const std::vector<Record>& records, std::string Record::*column, std::string_view text) {
  return std::any_of(records.begin(), records.end(),
                     [&](const Record& record) { return (record.*column).find(text) != std::string::npos; });
}

}  // namespace

std::string common_prefix(const std::vector<Record>& records, std::string Record::*column) {
  if (records.empty()) {
    return {};
  }
  const std::string& first = records.front().*column;
  std::size_t length = first.size();
  for (const Record& record : records) {
    const std::string& text = record.*column;
    const std::size_t limit = std::min(length, text.size());
    length = static_cast<std::size_t>(
        std::mismatch(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(limit), first.begin()).first -
        text.begin());
  }
  while (length > 0 && length < first.size() && is_continuation(first[length])) {
    --length;  // whole characters only
  }
  return first.substr(0, length);
}

std::string common_suffix(const std::vector<Record>& records, std::string Record::*column) {
  if (records.empty()) {
    return {};
  }
  const std::string& first = records.front().*column;
  std::size_t length = first.size();
  for (const Record& record : records) {
    const std::string& text = record.*column;
    const std::size_t limit = std::min(length, text.size());
    length = static_cast<std::size_t>(
        std::mismatch(text.rbegin(), text.rbegin() + static_cast<std::ptrdiff_t>(limit), first.rbegin()).first -
        text.rbegin());
  }
  while (length > 0 && is_continuation(first[first.size() - length])) {
    --length;
  }
  return first.substr(first.size() - length);
}

std::string suggest_separator(const std::vector<Record>& records) {
  for (const std::string_view separator : kSeparators) {
    const bool one_line = separator == kSeparators.front();
    if ((!one_line || !any_contains(records, &Record::prompt, "\n")) &&
        !any_contains(records, &Record::prompt, separator)) {
      return std::string(separator);
    }
  }
  return std::string(kLastSeparator);
}

std::string suggest_ending(const std::vector<Record>& records) {
  for (const std::string_view ending : kEndings) {
    if (!any_contains(records, &Record::completion, ending)) {
      return std::string(ending);
    }
  }
  return std::string(kLastEnding);
}

std::vector<std::string_view> known_separators() {
  std::vector<std::string_view> separators(kSeparators.begin(), kSeparators.end());
  separators.push_back(kLastSeparator);
  return separators;
}

bool is_known_separator(std::string_view text) {
  return text == kLastSeparator || std::find(kSeparators.begin(), kSeparators.end(), text) != kSeparators.end();
}

bool is_known_ending(std::string_view text) {
  return text == kLastEnding || std::find(kEndings.begin() + 2, kEndings.end(), text) != kEndings.end();
}

std::string in_quotes(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace luthier::data
