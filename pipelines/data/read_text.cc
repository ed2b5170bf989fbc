#include "pipelines/data/readers.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {

Table read_text(std::string_view text, std::string file, TextUnit unit, std::string column) {
  Table table;
  table.file = std::move(file);
  table.format = Format::kText;
  table.columns.push_back(std::move(column));
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);
  }
  bool inside = false;  // a paragraph has begun and not ended
  for (std::int64_t line_number = 1; !text.empty(); ++line_number) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    const bool blank = trimmed(line).empty();
    if (unit == TextUnit::kParagraph && (blank || inside)) {
      inside = !blank;
      if (inside) {
        table.rows.back().cells.front().text += "\n" + std::string(line);
      }
      continue;
    }
    table.rows.push_back({{{std::string(line), false}}, line_number, {}});
    inside = true;
  }
  return table;
}

}  // namespace luthier::data
