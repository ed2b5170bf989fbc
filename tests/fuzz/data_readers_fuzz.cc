// The readers of `prepare`: the first byte chooses the format.
#include "pipelines/data/readers.h"
#include "pipelines/data/source.h"
#include "tests/fuzz/fuzz.h"

namespace luthier::data {
namespace {

Result<Table> read(char kind, std::string_view text) {
  switch (kind) {
    case 'c': return read_csv(text, "f.csv", ',');
    case 't': return read_csv(text, "f.tsv", '\t');
    case 'l': return read_json_lines(text, "f.jsonl");
    case 'j': return read_json(text, "f.json");
    case 'p': return read_text(text, "f.txt", TextUnit::kParagraph, "text");
    default: return read_text(text, "f.txt", TextUnit::kLine, "text");
  }
}

}  // namespace
}  // namespace luthier::data

void luthier::fuzz::one_input(std::string_view bytes) {
  if (bytes.empty() || !data::check_encoding(bytes.substr(1), "f")) {
    return;
  }
  const auto table = data::read(bytes[0], bytes.substr(1));
  if (!table) {
    LUTHIER_CHECK(!table.error().message.empty());
    return;
  }
  std::int64_t line = 0;
  for (const data::Row& row : table->rows) {
    LUTHIER_CHECK(row.line >= line);
    LUTHIER_CHECK(!row.problem.empty() || row.cells.size() == table->columns.size());
    line = row.line;
  }
}
