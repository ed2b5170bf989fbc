// Table: the rows of one source file as they were read, before anything is repaired.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace luthier::data {

enum class Format { kCsv, kTsv, kJson, kJsonLines, kText, kXlsx };

struct Cell {
  std::string text;     // UTF-8
  bool nested = false;  // of JSON: an array or object, which `text` does not hold
};

struct Row {
  std::vector<Cell> cells;  // as many as the table has columns, but for rows with a `problem`
  std::int64_t line = 0;    // where the row begins in its file, from 1
  std::string problem;      // not empty: why the row cannot be used (it has too many fields, say)
};

struct Table {
  std::string file;  // relative to the source's folder, for messages
  Format format = Format::kCsv;
  std::vector<std::string> columns;  // as written in the file
  std::vector<Row> rows;             // blank ones too
};

}  // namespace luthier::data
