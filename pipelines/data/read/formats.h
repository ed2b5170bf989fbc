// The readers of each format, behind reader.h. `name` begins messages; `bytes` are text without a byte order mark.
#pragma once

#include "pipelines/data/read/reader.h"
#include "pipelines/data/read/zip_archive.h"

namespace luthier::data::read {

[[nodiscard]] std::unique_ptr<Reader> make_json_lines_reader(std::unique_ptr<ByteSource> bytes, std::string name,
                                                             bool keep_blank);
// `first`: what open_reader() has to say about the file; given with the first batch.
[[nodiscard]] std::unique_ptr<Reader> make_json_reader(std::unique_ptr<ByteSource> bytes, std::string name,
                                                       std::vector<Problem> first);
[[nodiscard]] std::unique_ptr<Reader> make_csv_reader(std::unique_ptr<ByteSource> bytes, std::string name,
                                                      char separator, RowOptions rows);
[[nodiscard]] Result<std::unique_ptr<Reader>> make_xlsx_reader(std::unique_ptr<ZipArchive> archive, std::string name,
                                                               RowOptions rows);
[[nodiscard]] std::unique_ptr<Reader> make_text_reader(std::unique_ptr<ByteSource> bytes, std::string name,
                                                       RowOptions rows);

// Appends `text`, which must be UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& json, std::string_view text);

// By its records' bytes or its problems, so that a file that is broken all over is not one batch.
[[nodiscard]] inline bool is_full(const Batch& batch) {
  constexpr std::size_t kProblemsMax = 10'000;
  return batch.bytes.size() >= kBatchBytes || batch.problems.size() >= kProblemsMax;
}

// Empties a batch for the next records and numbers it.
void begin_batch(Batch& batch, std::int64_t number, std::int64_t first_ordinal);
// Adds the padding; the batch is then complete.
void end_batch(Batch& batch);

}  // namespace luthier::data::read
