// BrokenJson: what is wrong with a record that is not JSON, for the person who pasted it: the place where it breaks,
// what it is that people do there, and the remedy. Slow on purpose: for records that failed only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipelines/data/read/example.h"

namespace luthier::data::read {

inline constexpr std::size_t kJsonDepthMax = 128;

struct Origin {
  std::string file;
  std::int64_t line = 0;
  std::int64_t column = 1;  // of the text's first byte
};

struct BrokenJson {
  std::optional<Problem> problem;  // none: it is JSON after all, with numbers beyond 64 bits, say
  std::optional<Json> value;       // then this is its value
};

// `text`: what a strict parser refused. Codes: json_trailing_comma, json_unescaped_quote, json_single_quotes,
// json_unfinished, json_python_value, json_control_character, json_escape, json_surrogate, json_comment,
// json_missing_comma, json_extra, json_depth, not_utf8, data_type, json_invalid (none of these).
[[nodiscard]] BrokenJson diagnose(std::string_view text, const Origin& origin);

// A value that is JSON but no object: data_type.
[[nodiscard]] Problem not_an_object(std::string_view text, const Origin& origin);

// A record of JSONL that goes on over the following lines, as pretty-printed or pasted ones do.
struct JoinedRecord {
  std::size_t last = 0;  // the index of the last record that belongs to it
  std::string text;      // all of it on one line
};
// Joins records[first] with some of those after it, where that makes JSON of broken ones. Gives up for a batch after
// some failures, so that a file which is broken all over costs no more than reading it. One for each reader of batches.
class LineJoiner {
 public:
  // nullopt: it gives no JSON either, or it needs none.
  [[nodiscard]] std::optional<JoinedRecord> join(const Batch& batch, std::size_t first);

 private:
  std::int64_t batch_ = -1;
  int failures_ = 0;
};
// Whether joining may help a record that is broken so.
[[nodiscard]] bool may_go_on(const Problem& problem);
// json_over_lines, from its first line to its last.
[[nodiscard]] Problem over_lines(const Batch& batch, std::size_t first, const JoinedRecord& joined,
                                 const std::string& file);

}  // namespace luthier::data::read
