// Totals: what was seen in a part of a file, added up part by part in the file's order. Value types.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipelines/data/check/findings.h"
#include "pipelines/data/check/min_hash.h"
#include "pipelines/data/check/record_hash.h"
#include "pipelines/data/read/example.h"

namespace luthier::data::check {

using read::RecordKind;

// Something counted, with the first lines where it was.
struct Tally {
  std::int64_t count = 0;
  std::vector<std::int64_t> lines;  // at most kPlacesMax
  void add(std::int64_t line);
  void append(const Tally& later);
};

struct Answer {
  std::int64_t count = 0;
  std::int64_t line = 0;  // the first
  std::string text;       // whole up to kLabelBytesMax, else its beginning
};
inline constexpr std::size_t kLabelBytesMax = 200;

// How often each answer was given; exact for the first kAnswersMax different ones, then `is_full`.
class Answers {
 public:
  static constexpr std::size_t kAnswersMax = 20'000;
  void add(std::string_view text, std::int64_t line, std::int64_t count = 1);
  void append(const Answers& later);
  [[nodiscard]] std::size_t different() const { return by_hash_.size(); }
  [[nodiscard]] bool is_full() const { return full_; }
  [[nodiscard]] std::int64_t given() const { return given_; }
  [[nodiscard]] std::size_t longest_bytes() const { return longest_bytes_; }
  // The most frequent first; the earlier first among equals.
  [[nodiscard]] std::vector<Answer> sorted() const;

 private:
  struct HashHash {
    std::size_t operator()(const Hash128& hash) const { return hash.low; }
  };
  void add(Hash128 hash, const Answer& answer);

  std::unordered_map<Hash128, Answer, HashHash> by_hash_;
  std::int64_t given_ = 0;
  std::size_t longest_bytes_ = 0;
  bool full_ = false;
};

struct TokenTotals {
  std::int64_t examples = 0;
  std::int64_t tokens = 0;
  std::int64_t most = 0;  // of one example
  std::int64_t most_line = 0;
};

struct Totals {
  Findings findings;
  std::int64_t records = 0;
  std::int64_t examples = 0;  // records that are examples of some kind
  std::map<RecordKind, Tally> kinds;
  Answers answers;
  Tally refusals;
  std::int64_t prompts_given = 0;         // prompts that are not empty
  Tally starts_with_space, starts_plain;  // completions
  std::map<char, Tally> ends_with_space;  // by the last character: completions
  TokenTotals tokens;
  std::int64_t images = 0;
  std::int64_t images_usable = 0;
  std::int64_t examples_with_images = 0;
  void append(Totals&& later);
};

struct ExampleFacts {
  std::int64_t line = 0;
  Hash128 hash;
};
struct LineSketch {
  std::int64_t line = 0;
  std::uint64_t hash = 0;  // of the whole example
  Sketch sketch;
};

// What one batch gives.
struct BatchResult {
  Totals totals;
  std::vector<ExampleFacts> facts;
  std::vector<LineSketch> sketches;
};

}  // namespace luthier::data::check
