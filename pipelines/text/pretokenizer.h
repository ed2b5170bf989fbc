// PreTokenizer: cuts text into the pieces within which tokens are formed.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "pipelines/text/aligned_text.h"
#include "pipelines/text/regex.h"
#include "pipelines/text/scanner.h"

namespace luthier::text {

// What becomes of the matches of a pattern and of the text between them.
enum class SplitBehavior {
  kIsolated,            // all are pieces
  kRemoved,             // matches are dropped
  kMergedWithPrevious,  // a match ends the piece before it
  kMergedWithNext,      // a match begins the piece after it
  kContiguous,          // neighbouring matches are one piece
};

struct SplitStep {
  Regex pattern;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;        // matches are what is between the pattern's matches
  Scanner scanner = nullptr;  // gives the same pieces, faster
};

// A SplitStep with a scanner where there is one. kInvalidArgument as Regex::compile().
[[nodiscard]] Result<SplitStep> make_split(std::string_view pattern, SplitBehavior behavior = SplitBehavior::kIsolated,
                                           bool invert = false);

// Puts `prefix` before pieces that do not begin with it.
struct PrefixStep {
  enum class Where { kEveryPiece, kTextBegin };  // kTextBegin: only what stands at the beginning of the whole text
  std::string prefix;
  Where where = Where::kEveryPiece;
};

// Every `from` becomes `to`; both are not empty.
struct SubstituteStep {
  std::string from;
  std::string to;
};

// Every byte becomes its letter of the alphabet of bytes (byte_level.h), on which the steps behind it work, or back.
// Going back, pieces may begin and end within characters.
struct ByteLettersStep {
  bool back = false;
};

using PreTokenizerStep = std::variant<SplitStep, PrefixStep, SubstituteStep, ByteLettersStep>;

struct PreTokenizer {
  std::vector<PreTokenizerStep> steps;  // each works on the pieces of the one before
  // The scanner that does all of it; nullptr when there is more to do.
  [[nodiscard]] Scanner only_scanner() const;
};

// Cuts texts by one PreTokenizer, which must outlive it. One per thread.
class Splitter {
 public:
  explicit Splitter(const PreTokenizer& pretokenizer);
  // Replaces `pieces` by the non-empty pieces of `text`, in order, as ranges of text.text(), which is rewritten where
  // the PreTokenizer says so. `at_begin`: `text` stands at the beginning of the whole.
  [[nodiscard]] Result<void> split(AlignedText& text, bool at_begin, std::vector<TextRange>& pieces);

 private:
  struct Part {
    TextRange range;
    bool is_match = false;
  };
  Result<void> split_by(const SplitStep& step, Matcher& matcher, std::string_view text, TextRange piece);
  void merge_parts(SplitBehavior behavior, std::vector<TextRange>& pieces);

  const PreTokenizer& pretokenizer_;
  std::vector<Matcher> matchers_;  // one for each SplitStep
  std::vector<TextRange> before_;
  std::vector<Part> parts_;
};

}  // namespace luthier::text
