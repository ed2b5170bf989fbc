// Telemetry: logs and metrics in telemetry.db, a file of its own. Thread-safe: appends take turns on one connection,
// reads have a pool.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::store {

class Telemetry {
 public:
  // Opens or creates the file and migrates it.
  [[nodiscard]] static Result<std::unique_ptr<Telemetry>> open(const std::filesystem::path& file);

  // As in store.h.
  [[nodiscard]] Result<std::uint64_t> append_log(const AttemptId& attempt, std::uint64_t offset, std::string_view bytes,
                                                 bool end);
  [[nodiscard]] Result<Store::LogSlice> read_log(const AttemptId& attempt, std::uint64_t offset,
                                                 std::uint64_t bytes_max);
  [[nodiscard]] Result<void> append_metrics(const AttemptId& attempt, const std::vector<MetricPoint>& points);
  [[nodiscard]] Result<std::vector<MetricPoint>> read_metrics(const RunId& run, const StepId& step,
                                                              const std::string& series, std::int64_t after_step,
                                                              int limit);
  // Runs and deployments of which something is kept.
  [[nodiscard]] Result<std::vector<std::string>> runs_kept();
  // Deletes the logs' bytes and the metrics, in small transactions; the logs' ends stay known.
  [[nodiscard]] Result<void> forget(const std::string& run);
  // What is in use of the file. Freed pages are used again; the file does not shrink.
  [[nodiscard]] Result<std::uint64_t> bytes_used();

 private:
  Telemetry(std::unique_ptr<Database> writer, const std::filesystem::path& file);

  std::mutex writer_mutex_;
  std::unique_ptr<Database> writer_;
  ReadPool readers_;
};

}  // namespace luthier::store
