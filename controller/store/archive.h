// Archived segments: journal records older than both snapshots, as ARCHIVE/journal-FROM-TO.jsonl.gz, one JSON object a
// line: {"index", "epoch", "wall_ms", "monotonic_ms", "event", "body", "chain"}; `zcat` reads them. A segment is
// durable before its rows leave luthier.db, so that each record is in one of the two at every moment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "controller/store/journal.h"
#include "controller/store/sqlite.h"

namespace luthier::store {

struct Segment {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::string digest;  // of the file
  std::uint64_t bytes = 0;
  std::uint64_t last_epoch = 0;
  std::string last_chain;
  std::int64_t last_ms = 0;
};

[[nodiscard]] std::filesystem::path segment_file(const std::filesystem::path& folder, const Segment& segment);
[[nodiscard]] Result<std::vector<Segment>> read_segments(Database& database);
// Writes the oldest rows that both snapshots contain, at most `records_max`, to a segment file, durable on return.
// `last` is 0 when there is nothing to archive.
[[nodiscard]] Result<Segment> write_segment(Database& database, const std::filesystem::path& folder,
                                            std::uint64_t records_max);
[[nodiscard]] Result<void> insert_segment(Database& database, const Segment& segment);
// kDataLoss when the file is absent, cut or changed.
[[nodiscard]] Result<void> replay_segment(const std::filesystem::path& folder, const Segment& segment,
                                          const std::function<Result<void>(const StoredRecord&)>& each);
// One sentence for each segment whose file is absent or has another size.
[[nodiscard]] std::vector<std::string> check_segments(const std::filesystem::path& folder,
                                                      const std::vector<Segment>& segments);

}  // namespace luthier::store
