#include <string>

#include "pipelines/data/readers.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kColumnsMax = 10'000;

class CsvParser {
 public:
  CsvParser(std::string_view text, const std::string& file, char separator)
      : text_(text), file_(file), separator_(separator) {}

  [[nodiscard]] bool at_end() const { return at_ >= text_.size(); }
  [[nodiscard]] std::int64_t line() const { return line_; }

  // The fields of the next row, and the end of its line.
  Result<std::vector<Cell>> read_row() {
    std::vector<Cell> fields;
    while (true) {
      if (fields.size() >= kColumnsMax) {
        return complain(line_, at_, "has more than 10000 fields; is the separator right?");
      }
      Cell field;
      LUTHIER_TRY_VOID(read_field(field.text));
      fields.push_back(std::move(field));
      if (at_end() || text_[at_] != separator_) {
        break;
      }
      ++at_;
    }
    skip_line_end();
    return fields;
  }

 private:
  Error complain(std::int64_t line, std::size_t at, const std::string& problem) const {
    const std::size_t line_begin = at == 0 ? std::string_view::npos : text_.rfind('\n', at - 1);
    const std::size_t column = line_begin == std::string_view::npos ? at + 1 : at - line_begin;
    return {ErrorCode::kInvalidArgument,
            file_ + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + problem};
  }

  [[nodiscard]] bool at_line_end() const { return at_end() || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n"; }

  void skip_line_end() {
    if (!at_end() && text_[at_] == '\r') {
      ++at_;
    }
    if (!at_end() && text_[at_] == '\n') {
      ++at_;
      ++line_;
    }
  }

  Result<void> read_field(std::string& field) {
    if (!at_end() && text_[at_] == '"') {
      return read_quoted(field);
    }
    const std::size_t begin = at_;
    while (!at_line_end() && text_[at_] != separator_) {
      ++at_;
    }
    field = text_.substr(begin, at_ - begin);
    return {};
  }

  Result<void> read_quoted(std::string& field) {
    const std::size_t opening = at_++;
    const std::int64_t opening_line = line_;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) {
        return complain(opening_line, opening,
                        "this quote is never closed; close it, or double it if it is part of the text");
      }
      for (; at_ < quote; ++at_) {
        line_ += text_[at_] == '\n' ? 1 : 0;
        field.push_back(text_[at_]);
      }
      ++at_;
      if (at_end() || text_[at_] != '"') {
        break;
      }
      field.push_back('"');
      ++at_;
    }
    if (!at_line_end() && text_[at_] != separator_) {
      return complain(line_, at_, "text after a closing quote; double each quote that is part of the text");
    }
    return {};
  }

  std::string_view text_;
  const std::string& file_;
  const char separator_;
  std::size_t at_ = 0;
  std::int64_t line_ = 1;
};

bool is_blank(const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    if (!trimmed(cell.text).empty()) {
      return false;
    }
  }
  return true;
}

}  // namespace

Result<Table> read_csv(std::string_view text, std::string file, char separator) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  Table table;
  table.file = std::move(file);
  table.format = separator == '\t' ? Format::kTsv : Format::kCsv;
  CsvParser parser(text, table.file, separator);
  if (!parser.at_end()) {
    LUTHIER_TRY(const std::vector<Cell> header, parser.read_row());
    if (!is_blank(header)) {
      for (const Cell& cell : header) {
        table.columns.push_back(cell.text);
      }
    }
  }
  if (table.columns.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 table.file + ":1:1: the first line must name the columns, but it is empty"};
  }
  while (!parser.at_end()) {
    Row row;
    row.line = parser.line();
    LUTHIER_TRY(row.cells, parser.read_row());
    if (row.cells.size() != table.columns.size() && !is_blank(row.cells)) {
      row.problem =
          "has " + std::to_string(row.cells.size()) + " fields, the header has " + std::to_string(table.columns.size());
    }
    row.cells.resize(table.columns.size());
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace luthier::data
