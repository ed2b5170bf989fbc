// Problem: one complaint about data, with its place. Readers and checks give these; people read `to_string`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace luthier::data::read {

enum class Severity {
  kError,    // the record (or the file) cannot be used as it is
  kWarning,  // it can be used, and is probably not what was meant
  kAdvice,   // what usually makes the result better
};

struct Problem {
  std::string code;  // stable, snake_case: docs/data.md lists them all
  Severity severity = Severity::kError;
  std::string file;         // as the user named it
  std::int64_t line = 0;    // from 1; 0: the whole file. Of XLSX: the sheet's row
  std::int64_t column = 0;  // from 1, in bytes; 0: the whole line. Of XLSX: the sheet's column
  std::string message;      // what is wrong and what to do, without place
  friend bool operator==(const Problem&, const Problem&) = default;
};

[[nodiscard]] std::string_view name_of(Severity severity);  // "error", "warning", "advice"

// "FILE:LINE:COLUMN: MESSAGE [code]", without the parts of the place that are not known.
[[nodiscard]] std::string to_string(const Problem& problem);

}  // namespace luthier::data::read
