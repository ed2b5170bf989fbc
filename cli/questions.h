// Questions for `models compare`: a data file of records (JSONL, JSON, CSV, TSV, XLSX; also compressed), each with what
// to ask and perhaps what is expected.
//
//   {"prompt": text, "completion"?: text}, or the columns of those names
//   {"messages": [{"role": text, "content": text | [{"type": "text", "text": text}]}, …], "tools": […]}: a chat. Its
//   last message of the role "assistant" is what is expected, what stands before it is asked, calls of tools among it;
//   without one, all of it is asked.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier::cli {

struct Question {
  nlohmann::json asked;         // {"prompt": text} or {"messages": [{"role", "content": text}, …], "tools"?: text}
  std::string shown;            // what is asked, for people
  std::string expected;         // "" when not known
  bool apply_template = false;  // whether the model's own template is put around it
  friend bool operator==(const Question&, const Question&) = default;
};

[[nodiscard]] Question question_of(const std::string& prompt);

// The first `limit` records of the file. kInvalidArgument names the line that cannot be
// asked, and what to do.
[[nodiscard]] Result<std::vector<Question>> read_questions(const std::string& file, int limit);

}  // namespace luthier::cli
