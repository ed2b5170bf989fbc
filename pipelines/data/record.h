// Record: one example of prompt and completion, with the place in the source that it came from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace luthier::data {

struct Record {
  std::string prompt;      // of text for pretraining: empty
  std::string completion;  // of text: the text; of a conversation: its JSON
  std::string label;       // of a conversation: its last answer
  std::string group;       // value of the column that `split.group` names; empty without one
  std::string_view file;   // lives as long as the Records that gave this one
  std::uint32_t file_number = 0;
  std::int64_t line = 0;
};

// Both texts cut short, for reports.
[[nodiscard]] std::string detail_of(const Record& record);

// Equal for duplicates. `ignore_whitespace`: runs of white space in the prompt count as one space.
[[nodiscard]] std::string identity_of(const Record& record, bool ignore_whitespace);

// More than 10,000 characters in all.
[[nodiscard]] bool is_long(const Record& record);

}  // namespace luthier::data
