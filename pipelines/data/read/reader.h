// Reader: a data file of any format as a stream of records, with bounded memory. ExampleStream: the same one by one.
//
//   LUTHIER_TRY(auto reader, open_reader("chats.jsonl.gz", {}));
//   ExampleStream stream(*reader);
//   while (true) {
//     LUTHIER_TRY(std::optional<ReadExample> next, stream.next());   // an error: the file cannot be read on
//     if (!next) break;                                              // the end
//     if (next->problem) { … } else { use(next->example); }
//   }
//
// Formats: JSONL, JSON (an array of objects, or objects one after the other), CSV, TSV, XLSX (the first sheet), TXT;
// each but XLSX also compressed with gzip or zstd, which the bytes tell, not the name. UTF-8, with or without a byte
// order mark; LF or CRLF. Not thread-safe; a batch may be used in another thread.
//
// Memory: a batch ends at kBatchBytes, or holds the one record that is longer (at most kRecordBytesMax, else a
// problem).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "pipelines/data/read/byte_source.h"
#include "pipelines/data/read/example.h"

namespace luthier::data::read {

class LineJoiner;  // broken_json.h

enum class FileFormat { kJsonLines, kJson, kCsv, kTsv, kXlsx, kText };
[[nodiscard]] std::string_view name_of(FileFormat format);                         // "jsonl", "json", "csv", …
[[nodiscard]] std::optional<FileFormat> file_format_named(std::string_view name);  // also "ndjson"
[[nodiscard]] std::optional<FileFormat> file_format_of(
    const std::filesystem::path&);  // by extension, under .gz or .zst

inline constexpr std::size_t kBatchBytes = std::size_t{1} << 20;
// Ten images of 10 MB in base64, and their text.
inline constexpr std::size_t kRecordBytesMax = std::size_t{144} << 20;
inline constexpr std::size_t kColumnsMax = 10'000;

// What becomes of rows and lines that hold less than others.
struct RowOptions {
  bool keep_blank = false;       // an empty line or row is a record of size 0; for those who read batches
  bool fill_short_rows = false;  // a row with fewer fields than the header gets empty ones, and is no problem
};

struct ReadOptions {
  std::optional<FileFormat> format;  // else by extension
  std::string name;                  // for messages; else the path as given
  ExpansionLimits expansion;
  RowOptions rows;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // The next records; false at the end. After an Error there is nothing more to read; its message begins with the
  // place. kInvalidArgument: the file's content is at fault; others: the machine's.
  [[nodiscard]] virtual Result<bool> next(Batch& batch) = 0;
  // What the file really is: a .jsonl that holds one array is kJson.
  [[nodiscard]] virtual FileFormat format() const = 0;
  // Of CSV, TSV and XLSX, once next() has been called: as the header writes them.
  [[nodiscard]] virtual std::vector<std::string> columns() const { return {}; }
  // Expanded bytes read so far.
  [[nodiscard]] virtual std::uint64_t bytes_read() const = 0;
};

// kNotFound: no such file; kInvalidArgument: an unknown extension, UTF-16, an archive that is not XLSX.
[[nodiscard]] Result<std::unique_ptr<Reader>> open_reader(const std::filesystem::path& path,
                                                          const ReadOptions& options);
// Over other bytes; options.format must be set. XLSX is read into memory first (at most 64 MiB).
[[nodiscard]] Result<std::unique_ptr<Reader>> open_reader(std::unique_ptr<ByteSource> bytes,
                                                          const ReadOptions& options);

struct ReadExample {
  Example example;
  std::optional<Problem> problem;  // then `example` has only its place: the record is not one JSON object
};

// Turns the text of records into JSON; keeps its buffers. One a thread.
class RecordParser {
 public:
  RecordParser();
  ~RecordParser();
  RecordParser(RecordParser&&) noexcept;
  RecordParser& operator=(RecordParser&&) noexcept;
  // What is wrong with a record is said so that a person can mend it (broken_json.h).
  [[nodiscard]] ReadExample parse(const Batch& batch, std::size_t record, const std::string& file);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class ExampleStream {
 public:
  // `reader` must outlive the stream. `name`: of the file, for problems.
  ExampleStream(Reader& reader, std::string name);
  ~ExampleStream();
  ExampleStream(const ExampleStream&) = delete;
  ExampleStream& operator=(const ExampleStream&) = delete;
  // nullopt at the end.
  [[nodiscard]] Result<std::optional<ReadExample>> next();

 private:
  ReadExample next_record();

  Reader& reader_;
  std::string name_;
  RecordParser parser_;
  std::unique_ptr<LineJoiner> joiner_;
  Batch batch_;
  std::size_t record_ = 0;
  std::size_t problem_ = 0;
};

}  // namespace luthier::data::read
