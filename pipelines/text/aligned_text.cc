#include "pipelines/text/aligned_text.h"

#include "base/check.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

}  // namespace

AlignedText AlignedText::slice(std::size_t begin, std::size_t end) const {
  AlignedText part(original_, offset_, tracked_);
  if (!changed_) {
    part.original_ = original_.substr(begin, end - begin);
    part.offset_ += begin;
    return part;
  }
  part.changed_ = true;
  part.buffer_ = buffer_.substr(begin, end - begin);
  if (tracked_) {
    part.origins_.assign(origins_.begin() + static_cast<std::ptrdiff_t>(begin),
                         origins_.begin() + static_cast<std::ptrdiff_t>(end));
  }
  return part;
}

TextRange AlignedText::origin(std::size_t begin, std::size_t end) const {
  LUTHIER_CHECK(tracked_ && begin < end && end <= text().size());
  if (changed_) {
    return {origins_[begin].begin, origins_[end - 1].end};
  }
  while (!begins_character(original_[begin])) {
    --begin;
  }
  while (end < original_.size() && !begins_character(original_[end])) {
    ++end;
  }
  return {offset_ + begin, offset_ + end};
}

void Rewriter::keep(std::size_t begin, std::size_t end) {
  next_ += text_.text().substr(begin, end - begin);
  if (!text_.tracked_) {
    return;
  }
  if (text_.changed_) {
    origins_.insert(origins_.end(), text_.origins_.begin() + static_cast<std::ptrdiff_t>(begin),
                    text_.origins_.begin() + static_cast<std::ptrdiff_t>(end));
    return;
  }
  for (std::size_t i = begin; i < end;) {
    const std::size_t length = character_length(text_.original_, i);
    origins_.insert(origins_.end(), length, {text_.offset_ + i, text_.offset_ + i + length});
    i += length;
  }
}

void Rewriter::put(std::string_view replacement, std::size_t begin, std::size_t end) {
  next_ += replacement;
  if (text_.tracked_ && !replacement.empty()) {
    origins_.insert(origins_.end(), replacement.size(), text_.origin(begin, end));
  }
}

void Rewriter::commit() {
  text_.buffer_ = std::move(next_);
  text_.origins_ = std::move(origins_);
  text_.changed_ = true;
}

}  // namespace luthier::text
