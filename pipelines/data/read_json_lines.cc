#include <nlohmann/json.hpp>
#include <unordered_map>

#include "pipelines/data/readers.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kColumnsMax = 10'000;

// nlohmann's parse errors carry the place only as an exception.
Result<Json> parse_line(std::string_view line, const std::string& place) {
  try {
    Json json = Json::parse(line);
    if (!json.is_object()) {
      return Error{ErrorCode::kInvalidArgument,
                   place + ":1: expected a JSON object like {\"prompt\": \"…\", \"completion\": \"…\"}"};
    }
    return json;
  } catch (const Json::parse_error& error) {
    return Error{ErrorCode::kInvalidArgument,
                 place + ":" + std::to_string(error.byte) +
                     ": not valid JSON here; each line must be one complete JSON object"};
  } catch (const Json::exception& error) {
    return Error{ErrorCode::kInvalidArgument, place + ":1: not usable JSON: " + error.what()};
  }
}

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

}  // namespace

Result<Table> read_json_lines(std::string_view text, std::string file) {
  if (text.starts_with(kByteOrderMark)) {
    text.remove_prefix(kByteOrderMark.size());
  }
  Table table;
  table.file = std::move(file);
  table.format = Format::kJsonLines;
  std::unordered_map<std::string, std::size_t> columns;
  for (std::int64_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    Row row;
    row.line = line_number;
    if (trimmed(line).empty()) {
      table.rows.push_back(std::move(row));
      continue;
    }
    const std::string place = table.file + ":" + std::to_string(line_number);
    LUTHIER_TRY(const Json json, parse_line(line, place));
    for (const auto& [name, value] : json.items()) {
      const auto [column, is_new] = columns.emplace(name, table.columns.size());
      if (is_new) {
        table.columns.push_back(name);
      }
      if (table.columns.size() > kColumnsMax) {
        return Error{ErrorCode::kInvalidArgument, place + ":1: more than 10000 different member names in one file"};
      }
      row.cells.resize(std::max(row.cells.size(), column->second + 1));
      row.cells[column->second] = to_cell(value);
    }
    table.rows.push_back(std::move(row));
  }
  for (Row& row : table.rows) {
    row.cells.resize(table.columns.size());
  }
  return table;
}

}  // namespace luthier::data
