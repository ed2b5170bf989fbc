// SpoolReader: one attempt's spool as telemetry, piece by piece. Holds no more than one piece in memory; where it
// stands is moved by the caller once the controller has a piece.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace luthier::agents {

struct MetricPiece {
  struct Point {
    std::string series;
    std::int64_t step = 0;
    double value = 0;
  };
  std::vector<Point> points;
  std::uint64_t next_offset = 0;  // of messages.ndjson, behind the lines that were read
};

class SpoolReader {
 public:
  static constexpr std::size_t kLogBytesMax = std::size_t{256} << 10;
  static constexpr std::size_t kPointsMax = 1'000;

  explicit SpoolReader(std::filesystem::path attempt_folder) : folder_(std::move(attempt_folder)) {}

  // At most kLogBytesMax bytes of the log from `offset`; empty at its end (or while there is no log).
  [[nodiscard]] std::string read_log(std::uint64_t offset) const;
  // The points of whole lines from `offset` on. `next_offset` is `offset` when there is no whole line.
  [[nodiscard]] MetricPiece read_metrics(std::uint64_t offset) const;

 private:
  const std::filesystem::path folder_;
};

}  // namespace luthier::agents
