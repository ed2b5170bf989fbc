#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "pipelines/data/readers.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kColumnsMax = 10'000;

Cell to_cell(const Json& value) {
  if (value.is_string()) {
    return {value.get<std::string>(), false};
  }
  if (value.is_null()) {
    return {};
  }
  if (value.is_structured()) {
    return {{}, true};
  }
  return {value.dump(), false};
}

// Collects objects as rows; columns are the members' names.
class RowCollector {
 public:
  RowCollector(std::string file, Format format) {
    table_.file = std::move(file);
    table_.format = format;
  }

  void add_blank(std::int64_t line) { table_.rows.push_back({{}, line, {}}); }

  // `text`: one object, which begins at `line`:`column`.
  Result<void> add(std::string_view text, std::int64_t line, std::size_t column) {
    LUTHIER_TRY(const Json json, parse(text, line, column));
    Row row;
    row.line = line;
    for (const auto& [name, value] : json.items()) {
      const auto [known, is_new] = columns_.emplace(name, table_.columns.size());
      if (is_new) {
        table_.columns.push_back(name);
      }
      if (table_.columns.size() > kColumnsMax) {
        return complain(line, column, "more than 10000 different member names in one file");
      }
      row.cells.resize(std::max(row.cells.size(), known->second + 1));
      row.cells[known->second] = to_cell(value);
    }
    table_.rows.push_back(std::move(row));
    return {};
  }

  Error complain(std::int64_t line, std::size_t column, const std::string& problem) const {
    return {ErrorCode::kInvalidArgument,
            table_.file + ":" + std::to_string(line) + ":" + std::to_string(column) + ": " + problem};
  }

  Table finish() {
    for (Row& row : table_.rows) {
      row.cells.resize(table_.columns.size());
    }
    return std::move(table_);
  }

 private:
  // nlohmann's parse errors carry the place only as an exception.
  Result<Json> parse(std::string_view text, std::int64_t line, std::size_t column) const {
    try {
      Json json = Json::parse(text);
      if (!json.is_object()) {
        return complain(line, column, "expected a JSON object like {\"prompt\": \"…\", \"completion\": \"…\"}");
      }
      return json;
    } catch (const Json::parse_error& error) {
      const std::string_view before = text.substr(0, error.byte > 0 ? error.byte - 1 : 0);
      const std::size_t line_begin = before.rfind('\n');
      const bool same_line = line_begin == std::string_view::npos;
      return complain(line + std::count(before.begin(), before.end(), '\n'),
                      same_line ? column + before.size() : before.size() - line_begin,
                      "not valid JSON here; check quotes, commas and brackets");
    } catch (const Json::exception& error) {
      return complain(line, column, std::string("not usable JSON: ") + error.what());
    }
  }

  Table table_;
  std::unordered_map<std::string, std::size_t> columns_;
};

// Bytes of the value that `text` begins with: to the bracket that closes the first one, or all when none does.
std::size_t object_length(std::string_view text) {
  std::size_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if ((c == '}' || c == ']') && (depth == 0 || --depth == 0)) {
      return i + 1;
    }
  }
  return text.size();
}

}  // namespace

Result<Table> read_json_lines(std::string_view text, std::string file) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  RowCollector rows(std::move(file), Format::kJsonLines);
  for (std::int64_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (trimmed(line).empty()) {
      rows.add_blank(line_number);
    } else {
      LUTHIER_TRY_VOID(rows.add(line, line_number, 1));
    }
  }
  return rows.finish();
}

Result<Table> read_json(std::string_view text, std::string file) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  RowCollector rows(std::move(file), Format::kJson);
  std::int64_t line = 1;
  std::size_t line_begin = 0;
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c != '{') {
      // The array's own brackets and commas; anything else is no object.
      if (std::string_view("[], \t\r\n").find(c) == std::string_view::npos) {
        return rows.complain(line, at - line_begin + 1, "expected a JSON object, or an array of objects");
      }
      line += c == '\n' ? 1 : 0;
      line_begin = c == '\n' ? at + 1 : line_begin;
      ++at;
      continue;
    }
    const std::string_view object = text.substr(at, object_length(text.substr(at)));
    LUTHIER_TRY_VOID(rows.add(object, line, at - line_begin + 1));
    line += std::count(object.begin(), object.end(), '\n');
    const std::size_t last_break = object.rfind('\n');
    line_begin = last_break == std::string_view::npos ? line_begin : at + last_break + 1;
    at += object.size();
  }
  return rows.finish();
}

}  // namespace luthier::data
