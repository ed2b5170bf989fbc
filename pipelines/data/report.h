// Report: what a preparation found and did, for people and programs. Nothing is dropped or changed without an entry.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "pipelines/data/change_list.h"

namespace luthier::data {

inline constexpr std::size_t kExamplesMax = 10;

struct Example {
  std::string file;
  std::int64_t line = 0;
  std::string detail;  // the text concerned, cut short
};

struct Remedy {
  std::string code;       // stable: "blank_rows", "duplicate_rows", …
  std::string message;    // what was done and why, in one sentence
  std::int64_t rows = 0;  // rows concerned (columns, for remedies of columns)
  bool drops_rows = false;
  std::vector<Example> first;  // at most kExamplesMax
};

struct FileSummary {
  std::string file;
  std::string format;
  std::int64_t rows = 0;
};

struct RowCounts {
  std::int64_t read = 0;
  std::int64_t kept = 0;
  std::int64_t train = 0;
  std::int64_t validation = 0;
  std::int64_t test = 0;
};

class Report {
 public:
  std::string task;
  std::vector<FileSummary> files;
  RowCounts rows;
  std::map<std::string, std::int64_t> labels;  // rows kept of each class
  std::string shape;                           // as the legacy tool infers it; empty for text
  std::string separator;                       // ends every prompt; empty: none
  std::string ending;                          // ends every completion; empty: none
  std::vector<std::string> advice;             // what a person should look at
  ChangeList changes;                          // every row that a remedy concerned

  // Counts a row (or column) for the remedy `code`, creating it at its first use. `lines`: so many, one after the
  // other.
  void add(const std::string& code, const std::string& message, bool drops_rows, Example example,
           std::int64_t lines = 1);
  // The same of a change that most rows undergo: beyond the first ones, rows that follow upon one another are listed as
  // one entry. `row`: the record's number.
  void add_of_many(const std::string& code, const std::string& message, Example example, std::uint64_t row);
  // Creates a remedy before its first use, so that remedies stand in the order of what is done.
  void announce(const std::string& code, const std::string& message, bool drops_rows);
  void forget_unused();
  [[nodiscard]] const std::vector<Remedy>& remedies() const { return remedies_; }
  [[nodiscard]] std::int64_t rows_of(const std::string& code) const;
  [[nodiscard]] std::int64_t dropped() const;

  [[nodiscard]] nlohmann::ordered_json to_json() const;
  [[nodiscard]] std::string to_markdown() const;

 private:
  Remedy& remedy(const std::string& code, const std::string& message, bool drops_rows);

  std::vector<Remedy> remedies_;  // in order of first use
};

// At most 80 bytes of `text`, cut at a character's boundary, on one line.
[[nodiscard]] std::string excerpt(std::string_view text);

}  // namespace luthier::data
