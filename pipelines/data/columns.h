// Columns: which column of a file is the prompt and which the completion, by exact name, other case, a known synonym,
// or a near misspelling. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/data/settings.h"

namespace luthier::data {

// What the columns are chosen from.
struct Header {
  std::string file;  // for messages
  read::FileFormat format = read::FileFormat::kCsv;
  std::vector<std::string> columns;  // as written in the file
};

struct ColumnChoice {
  std::optional<std::size_t> prompt;      // of text for pretraining: the text
  std::optional<std::size_t> completion;  // nullopt: the file has none (text)
  std::optional<std::size_t> group;       // where `split.group` names one; may be one of the others
};

// kInvalidArgument, naming the file, its columns and near names, when a needed column is not there. A file without a
// completion column is taken for text when `settings.task` allows and a column of text is there.
[[nodiscard]] Result<ColumnChoice> choose_columns(const Header& header, const Settings& settings);

// Insertions, deletions, replacements and swaps of neighbours that make one text of the other, by bytes; at most
// `limit` + 1 is told apart.
[[nodiscard]] std::size_t edit_distance(std::string_view left, std::string_view right, std::size_t limit);

}  // namespace luthier::data
