// Example: one record of a data file, whatever its format. Batch: many of them as JSON text, for bulk work.
//
// What is exact here, so that others may build on it:
// - Every format gives JSON objects. JSONL and JSON: the text as it stands in the file. CSV, TSV and XLSX: members
// named
//   by the header in the header's order, every value a string (an empty cell is ""). TXT: {"text": LINE}; blank lines
//   of JSONL and TXT and empty rows of the others give nothing.
// - `line` and `column` say where the record begins in the expanded, decoded file, from 1; columns count bytes.
// - `ordinal` counts a file's records, also those whose JSON turns out to be broken, from 0, without gaps. A place that
//   gives no record (a CSV row with too many fields, say) is a problem of its batch and has none.
// - Batches have the same borders in every run over the same bytes, whatever the number of threads.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/data/read/problem.h"

namespace luthier::data::read {

using Json = nlohmann::ordered_json;  // the order of members is the file's

enum class RecordKind {
  kUnknown,           // none of the below
  kChat,              // `messages`; also with `tools`, `functions`, `parallel_tool_calls`; images are chat too
  kPromptCompletion,  // `prompt`, `completion`, also under other names (pair_names.h)
  kPreference,        // `input`, `preferred_output`, `non_preferred_output`
  kGraderData,        // `messages` and members of the user's own, which graders read as {{item.NAME}}
  kText,              // `text`
};
[[nodiscard]] std::string_view name_of(RecordKind kind);  // "chat", "prompt/completion", "preference", …

// By the names of its members, so that what is wrong inside can be said in the terms of the kind. Grader data:
// `messages` without one of the assistant, beside members of the user's own.
[[nodiscard]] RecordKind kind_of(const Json& record);

struct Example {
  std::int64_t ordinal = 0;
  std::int64_t line = 0;
  std::int64_t column = 0;
  Json value;  // an object
};

// A reader gives this many readable bytes behind the last record of a batch, as simdjson wants.
inline constexpr std::size_t kBatchPadding = 64;

struct RawRecord {
  std::size_t begin = 0;  // in Batch::bytes
  std::size_t size = 0;
  std::int64_t line = 0;
  std::int64_t column = 1;
};

// Value type; moved between threads. Reused: a reader empties it first and keeps its memory.
struct Batch {
  std::int64_t number = 0;         // from 0, without gaps
  std::int64_t first_ordinal = 0;  // of records[0]
  std::string bytes;               // records' text, and kBatchPadding bytes of nothing
  std::vector<RawRecord> records;  // each meant to be one JSON object; not yet parsed, so possibly not
  std::vector<Problem> problems;   // of places that gave no record
  [[nodiscard]] std::string_view text_of(const RawRecord& record) const {
    return std::string_view(bytes).substr(record.begin, record.size);
  }
};

}  // namespace luthier::data::read
