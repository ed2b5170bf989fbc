// PreTokenizer: cuts text into the pieces within which tokens are formed.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/text/regex.h"

namespace luthier::text {

// GPT-2's pattern, which ByteLevel uses when `use_regex` is true.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

struct SplitRule {
  Regex regex;
  bool drop_between = false;  // text between matches is dropped instead of kept as pieces
};

struct PreTokenizer {
  std::vector<SplitRule> rules;   // each cuts the pieces of the one before
  bool add_prefix_space = false;  // before text that does not begin with a space
};

// Splits by the rules of one PreTokenizer, which must outlive it. One per thread.
class Splitter {
 public:
  explicit Splitter(const PreTokenizer& pretokenizer);
  // Replaces `pieces` by the non-empty pieces of `text` (well-formed UTF-8), in order; they point into `text`.
  [[nodiscard]] Result<void> split(std::string_view text, std::vector<std::string_view>& pieces);

 private:
  Result<void> split_by(std::size_t rule, std::string_view text, std::vector<std::string_view>& pieces);

  const PreTokenizer& pretokenizer_;
  std::vector<Matcher> matchers_;  // one for each rule
  std::vector<std::string_view> before_;
};

}  // namespace luthier::text
