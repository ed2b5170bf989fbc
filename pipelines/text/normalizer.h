// Normalizer: rewrites text before it is cut into pieces, as the `normalizer` member of a tokenizer.json says.
// Immutable; shared by threads.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "pipelines/text/aligned_text.h"
#include "pipelines/text/character_map.h"
#include "pipelines/text/normalize.h"
#include "pipelines/text/regex.h"

namespace luthier::text {

struct LowercaseStep {};
struct StripStep {  // white space at the ends
  bool left = true;
  bool right = true;
};
struct PrependStep {  // before a text that is not empty
  std::string prefix;
};
struct ReplaceLiteralStep {
  std::string pattern;  // not empty
  std::string content;
};
struct ReplaceRegexStep {
  Regex pattern;
  std::string content;
};

// SentencePiece's: clusters of characters of at most five bytes as a whole, else character by character.
struct CharacterMapStep {
  std::shared_ptr<const CharacterMap> map;
};

using NormalizerStep = std::variant<UnicodeForm, LowercaseStep, StripStep, PrependStep, ReplaceLiteralStep,
                                    ReplaceRegexStep, CharacterMapStep>;

class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  [[nodiscard]] bool empty() const { return steps_.empty(); }
  // kResourceExhausted when a pattern needs too much work, or when replacements make the text many times longer.
  [[nodiscard]] Result<void> apply(AlignedText& text) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace luthier::text
