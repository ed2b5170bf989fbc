// Takers: batches of a file in, records out, with notes of what was mended or dropped on the way. A taker works on one
// batch at a time and knows no other, so that several may work beside each other; read_files() puts what they made in
// the file's order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/data/columns.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/data/records.h"
#include "pipelines/data/settings.h"

namespace luthier::data {

// What a batch gave.
struct Taken {
  struct Note {
    std::string code;
    std::string message;
    bool drops_row = false;
    std::int64_t line = 0;
    std::string detail;
    std::int64_t rows = 1;  // above 1: so many lines from `line` on, all for the same reason
  };
  EncodedRecords records;
  std::vector<Note> notes;          // in order of lines
  std::vector<std::string> advice;  // for people
  std::int64_t rows = 0;            // read; those that were dropped too
  std::int64_t rows_made = 0;       // beyond those: a dialogue that became several
  // Which of kKnownSeparators every prompt ends with, a bit each.
  unsigned separators = ~0U;
  std::optional<Error> error;  // the file is refused
};

class Taker {
 public:
  virtual ~Taker() = default;
  [[nodiscard]] virtual Taken take(const read::Batch& batch) = 0;
  // Behind the last batch.
  [[nodiscard]] virtual Taken finish() { return {}; }
};

// What all takers of a file share.
struct TakerFacts {
  std::string file;  // as messages name it
  std::uint32_t file_number = 0;
};

// Rows of a table: its prompts and completions, or its texts. Without settings.clean, rows of white space are rows.
[[nodiscard]] std::unique_ptr<Taker> make_table_taker(TakerFacts facts, const Header& header,
                                                      const ColumnChoice& choice, const Settings& settings);
// Lines of text joined to paragraphs, which end at a blank line. One for the whole file.
[[nodiscard]] std::unique_ptr<Taker> make_paragraph_taker(TakerFacts facts);
// Conversations and preferences, repaired; with settings.turns a record for each answer.
[[nodiscard]] std::unique_ptr<Taker> make_chat_taker(TakerFacts facts, const Settings& settings);

}  // namespace luthier::data
