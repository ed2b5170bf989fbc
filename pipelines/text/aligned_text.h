// AlignedText: a part of a text while normalizers and pre-tokenizers rewrite it, with the place in the original of
// every byte. Value type; refers to the original, which must outlive it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::text {

struct TextRange {
  std::size_t begin = 0;  // byte offsets; end is past the last byte
  std::size_t end = 0;
  [[nodiscard]] std::size_t size() const { return end - begin; }
  friend bool operator==(const TextRange&, const TextRange&) = default;
};

class AlignedText {
 public:
  AlignedText() = default;
  // `text` (well-formed UTF-8) begins at `offset` of the original. `tracked` false: origins are not kept, which
  // makes rewriting cheaper, and origin() must not be called.
  AlignedText(std::string_view text, std::size_t offset, bool tracked)
      : original_(text), offset_(offset), tracked_(tracked) {}

  [[nodiscard]] std::string_view text() const { return changed_ ? std::string_view(buffer_) : original_; }
  [[nodiscard]] bool changed() const { return changed_; }
  [[nodiscard]] bool tracked() const { return tracked_; }
  // The part [begin, end) of text(), which is cut at characters.
  [[nodiscard]] AlignedText slice(std::size_t begin, std::size_t end) const;
  // What bytes [begin, end) of text() were made from, as offsets in the original, widened to whole characters.
  // begin < end.
  [[nodiscard]] TextRange origin(std::size_t begin, std::size_t end) const;

 private:
  friend class Rewriter;
  std::string_view original_;
  std::size_t offset_ = 0;
  bool tracked_ = false;
  bool changed_ = false;            // false: text() is original_
  std::string buffer_;              // text() once changed
  std::vector<TextRange> origins_;  // of each byte of buffer_, when tracked
};

// Writes the next form of an AlignedText from left to right.
class Rewriter {
 public:
  explicit Rewriter(AlignedText& text) : text_(text) { next_.reserve(text.text().size() + 16); }
  // Copies bytes [begin, end), which are cut at characters.
  void keep(std::size_t begin, std::size_t end);
  // Writes `replacement`, which stands for bytes [begin, end); begin < end.
  void put(std::string_view replacement, std::size_t begin, std::size_t end);
  // Bytes written so far.
  [[nodiscard]] std::size_t size() const { return next_.size(); }
  // Makes what was written the text; without it nothing changes.
  void commit();

 private:
  AlignedText& text_;
  std::string next_;
  std::vector<TextRange> origins_;
};

}  // namespace luthier::text
