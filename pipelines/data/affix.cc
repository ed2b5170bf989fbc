#include "pipelines/data/affix.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace luthier::data {
namespace {

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

// Bytes that both have in common at that end, at most `limit`.
std::size_t common_bytes(std::string_view left, std::string_view right, End end, std::size_t limit) {
  limit = std::min({limit, left.size(), right.size()});
  const auto at = [end](std::string_view text, std::size_t i) {
    return end == End::kFront ? text[i] : text[text.size() - 1 - i];
  };
  std::size_t length = 0;
  while (length < limit && at(left, length) == at(right, length)) {
    ++length;
  }
  return length;
}

}  // namespace

void CommonAffix::add(std::string_view text) {
  if (!any_) {
    any_ = true;
    first_ = text;
    length_ = text.size();
    return;
  }
  all_same_ = all_same_ && text == first_;
  length_ = common_bytes(first_, text, end_, length_);
}

std::string CommonAffix::text() const {
  std::size_t length = length_;
  if (end_ == End::kFront) {
    while (length > 0 && length < first_.size() && is_continuation(first_[length])) {
      --length;
    }
    return first_.substr(0, length);
  }
  while (length > 0 && is_continuation(first_[first_.size() - length])) {
    --length;
  }
  return first_.substr(first_.size() - length);
}

void UsedSeparators::look_at(std::string_view prompt) {
  const bool line_end = prompt.find('\n') != std::string_view::npos;
  line_end_ = line_end_ || line_end;
  for (std::size_t i = 0; i < kSeparators.size(); ++i) {
    const bool possible = line_end || kSeparators[i].front() != '\n';
    used_[i] = used_[i] || (possible && prompt.find(kSeparators[i]) != std::string_view::npos);
  }
}

std::string UsedSeparators::suggestion() const {
  for (std::size_t i = 0; i < kSeparators.size(); ++i) {
    const bool one_line = i == 0;
    if ((!one_line || !line_end_) && !used_[i]) {
      return std::string(kSeparators[i]);
    }
  }
  return std::string(kLastSeparator);
}

void UsedEndings::look_at(std::string_view completion) {
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    used_[i] = used_[i] || completion.find(kEndings[i]) != std::string_view::npos;
  }
}

std::string UsedEndings::suggestion() const {
  for (std::size_t i = 0; i < kEndings.size(); ++i) {
    if (!used_[i]) {
      return std::string(kEndings[i]);
    }
  }
  return std::string(kLastEnding);
}

bool is_known_separator(std::string_view text) {
  return std::find(kKnownSeparators.begin(), kKnownSeparators.end(), text) != kKnownSeparators.end();
}

bool is_known_ending(std::string_view text) {
  return text == kLastEnding || std::find(kEndings.begin() + 2, kEndings.end(), text) != kEndings.end();
}

bool occurs_inside(std::string_view whole, std::string_view text) {
  const std::string_view before = whole.ends_with(text) ? whole.substr(0, whole.size() - text.size()) : whole;
  return before.find(text) != std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace luthier::data
