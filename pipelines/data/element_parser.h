// ElementParser: the records of a batch as JSON in place, without copies: for the many small records of tables.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>

#include "pipelines/data/read/broken_json.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data {

struct ParsedElement {
  std::optional<simdjson::dom::object> object;  // until the next parse()
  std::optional<read::Problem> problem;         // beside an object: what was mended; alone: why there is none
  std::size_t last = 0;                         // the last record of the batch that belongs to it
};

// One a thread.
class ElementParser {
 public:
  explicit ElementParser(std::string file);
  // An empty record is none, without a problem.
  [[nodiscard]] ParsedElement parse(const read::Batch& batch, std::size_t record);

 private:
  [[nodiscard]] std::optional<simdjson::dom::object> parse_again(std::string text);

  std::string file_;
  simdjson::dom::parser parser_;
  read::LineJoiner joiner_;
  std::string text_;  // of the record at hand, where it is not the batch's
};

// A text as it is, null as empty, numbers and booleans as JSON writes them; nullopt for lists and objects.
[[nodiscard]] std::optional<std::string> to_cell(simdjson::dom::element value);

}  // namespace luthier::data
