// Readers: the text of one file to a Table. Pure. `file` is only named in messages, which read
// "file:line:column: what is wrong; what to do". The text must be UTF-8 (source.h checks that); a byte order mark
// is skipped, and lines may end in LF or CRLF.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "pipelines/data/table.h"

namespace luthier::data {

// RFC 4180 with `separator` (comma or tab); the first line names the columns. Fields in quotes may hold separators,
// doubled quotes and line ends. A row with another number of fields than the header is kept with a `problem`.
// kInvalidArgument for a quote that never closes, text after a closing quote, or a missing header.
[[nodiscard]] Result<Table> read_csv(std::string_view text, std::string file, char separator);

// One JSON object a line. Columns are the members' names in order of first appearance; numbers and booleans are
// read as text, null as empty. kInvalidArgument for a line that is not a JSON object.
[[nodiscard]] Result<Table> read_json_lines(std::string_view text, std::string file);

// The same from an array of objects, or objects one after the other, over any number of lines.
[[nodiscard]] Result<Table> read_json(std::string_view text, std::string file);

enum class TextUnit { kLine, kParagraph };
// One column named `column`, a row for each line, or for each paragraph (lines without a blank line between).
[[nodiscard]] Table read_text(std::string_view text, std::string file, TextUnit unit, std::string column);

}  // namespace luthier::data
