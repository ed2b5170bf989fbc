// Record: one example of prompt and completion, with the place in the source that it came from.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

namespace luthier::data {

struct Record {
  std::string prompt;      // of text for pretraining: empty
  std::string completion;  // of text: the text; of a conversation: its JSON
  std::string file;
  std::int64_t line = 0;
  std::string label;  // of a conversation: its last answer
  std::string group;  // value of the column that `split.group` names; empty without one
};

// Both texts cut short, for reports.
[[nodiscard]] std::string detail_of(const Record& record);

// Equal for duplicates. `ignore_whitespace`: runs of white space in the prompt count as one space.
[[nodiscard]] std::string identity_of(const Record& record, bool ignore_whitespace);

// Prompts (white space collapsed) that rows give several completions.
[[nodiscard]] std::unordered_set<std::string> prompts_in_conflict(const std::vector<Record>& records);

// More than 10,000 characters in all.
[[nodiscard]] bool is_long(const Record& record);

}  // namespace luthier::data
