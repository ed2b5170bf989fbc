#include "controller/store/archive.h"

#include "base/digest/digest.h"
#include "base/file.h"
#include "controller/store/compress.h"

namespace luthier::store {
namespace {

constexpr std::size_t kSegmentTextBytes = std::size_t{64} << 20;  // a segment is closed at the record that passes it
constexpr std::size_t kSegmentTextBytesMax = std::size_t{1} << 30;
constexpr std::uint64_t kSegmentFileBytesMax = std::uint64_t{1} << 30;

Json line_of(const StoredRecord& record) {
  return {{"index", record.index},         {"epoch", record.epoch},
          {"wall_ms", record.now.wall_ms}, {"monotonic_ms", record.now.monotonic_ms},
          {"event", record.event},         {"body", record.body},  // as text: its bytes are what the chain is over
          {"chain", record.chain}};
}

Result<StoredRecord> record_of(std::string_view line) {
  const Json json = Json::parse(line, nullptr, false);
  const Error malformed{ErrorCode::kDataLoss, "a line is not a journal record"};
  if (!json.is_object()) {
    return malformed;
  }
  for (const char* number : {"index", "epoch", "wall_ms", "monotonic_ms"}) {
    if (!json.contains(number) || !json[number].is_number_integer()) {
      return malformed;
    }
  }
  for (const char* text : {"event", "body", "chain"}) {
    if (!json.contains(text) || !json[text].is_string()) {
      return malformed;
    }
  }
  return StoredRecord{json["index"].get<std::uint64_t>(),
                      json["epoch"].get<std::uint64_t>(),
                      Now{json["wall_ms"].get<std::int64_t>(), json["monotonic_ms"].get<std::int64_t>()},
                      json["event"].get<std::string>(),
                      json["body"].get<std::string>(),
                      json["chain"].get<std::string>()};
}

}  // namespace

std::filesystem::path segment_file(const std::filesystem::path& folder, const Segment& segment) {
  return folder / ("journal-" + std::to_string(segment.first) + "-" + std::to_string(segment.last) + ".jsonl.gz");
}

Result<std::vector<Segment>> read_segments(Database& database) {
  std::vector<Segment> segments;
  LUTHIER_TRY_VOID(database.query(
      "SELECT first_index, last_index, digest, bytes, last_epoch, last_chain, last_ms FROM archives "
      "ORDER BY last_index",
      [&segments](const Row& row) {
        segments.push_back({row.unsigned_integer(0), row.unsigned_integer(1), row.text(2), row.unsigned_integer(3),
                            row.unsigned_integer(4), row.text(5), row.integer(6)});
      }));
  return segments;
}

Result<Segment> write_segment(Database& database, const std::filesystem::path& folder, std::uint64_t records_max) {
  // Of two snapshots the older one; with less than two nothing is archived.
  LUTHIER_TRY(const auto end, database.query_integer("SELECT min(record_index) FROM snapshots HAVING count(*) >= 2"));
  LUTHIER_TRY(const auto archived, database.query_integer("SELECT max(last_index) FROM archives"));
  Segment segment{.first = static_cast<std::uint64_t>(archived.value_or(0)) + 1};
  const std::uint64_t last = std::min(static_cast<std::uint64_t>(end.value_or(0)), segment.first + records_max - 1);
  std::string text;
  LUTHIER_TRY_VOID(database.query(
      "SELECT record_index, epoch, wall_ms, monotonic_ms, event, body, chain FROM journal "
      "WHERE record_index BETWEEN ? AND ? ORDER BY record_index",
      [&](const Row& row) {
        if (text.size() >= kSegmentTextBytes) {
          return;
        }
        const StoredRecord record{row.unsigned_integer(0),
                                  row.unsigned_integer(1),
                                  Now{row.integer(2), row.integer(3)},
                                  row.text(4),
                                  row.text(5),
                                  row.text(6)};
        text += to_text(line_of(record)) + "\n";
        segment.last = record.index;
        segment.last_epoch = record.epoch;
        segment.last_chain = record.chain;
        segment.last_ms = record.now.wall_ms;
      },
      segment.first, last));
  if (segment.last == 0) {
    return segment;
  }
  LUTHIER_TRY(const std::string packed, gzip(text));
  segment.digest = sha256_digest(packed);
  segment.bytes = packed.size();
  LUTHIER_TRY_VOID(create_folders(folder));
  LUTHIER_TRY_VOID(write_file_atomically(segment_file(folder, segment), packed, 0600));
  LUTHIER_TRY_VOID(sync_folder(folder.parent_path()));
  return segment;
}

Result<void> insert_segment(Database& database, const Segment& segment) {
  return database.run(
      "INSERT INTO archives (first_index, last_index, digest, bytes, last_epoch, last_chain, last_ms) "
      "VALUES (?, ?, ?, ?, ?, ?, ?)",
      segment.first, segment.last, segment.digest, segment.bytes, segment.last_epoch, segment.last_chain,
      segment.last_ms);
}

Result<void> replay_segment(const std::filesystem::path& folder, const Segment& segment,
                            const std::function<Result<void>(const StoredRecord&)>& each) {
  const std::filesystem::path file = segment_file(folder, segment);
  auto packed = read_file(file, kSegmentFileBytesMax);
  if (!packed) {
    return Error{ErrorCode::kDataLoss, "the archived segment cannot be read: " + packed.error().message};
  }
  if (sha256_digest(*packed) != segment.digest) {
    return Error{ErrorCode::kDataLoss, file.string() + " is not what was archived (" + std::to_string(packed->size()) +
                                           " bytes, " + std::to_string(segment.bytes) +
                                           " were written); restore it from a backup"};
  }
  LUTHIER_TRY(const std::string text, gunzip(*packed, kSegmentTextBytesMax));
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size() - 1);
    LUTHIER_TRY(const StoredRecord record, record_of(rest.substr(0, end)));
    LUTHIER_TRY_VOID(each(record));
    rest.remove_prefix(end + 1);
  }
  return {};
}

std::vector<std::string> check_segments(const std::filesystem::path& folder, const std::vector<Segment>& segments) {
  std::vector<std::string> findings;
  for (const Segment& segment : segments) {
    const std::filesystem::path file = segment_file(folder, segment);
    std::error_code bad;
    const std::uint64_t bytes = std::filesystem::file_size(file, bad);
    if (bad || bytes != segment.bytes) {
      findings.push_back("the archive of records " + std::to_string(segment.first) + " to " +
                         std::to_string(segment.last) + " is damaged: " + file.string() + " " +
                         (bad ? "is not there"
                              : "has " + std::to_string(bytes) + " bytes instead of " + std::to_string(segment.bytes)) +
                         "; the state does not need it, time travel does: restore it from a backup");
    }
  }
  return findings;
}

}  // namespace luthier::store
