#include "controller/housekeeper.h"

namespace luthier::controller {

void Housekeeper::start() {
  thread_ = std::thread([this] { run(); });
}

void Housekeeper::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

bool Housekeeper::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Housekeeper::run() {
  for (int round = 0; !stopping(); ++round) {
    if (options_.look_at_disk) {
      options_.look_at_disk();
    }
    if (round % options_.archive_every == 0) {
      archive();
    }
    if (round % options_.prune_every == 0) {
      prune();
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.pause, [this] { return stopping_; });
  }
}

void Housekeeper::prune() {
  const Result<std::uint64_t> done =
      store_.prune_telemetry(clock_.now().wall_ms - options_.telemetry_keep.count(), options_.telemetry_bytes_max);
  if (!done) {
    log_.warning("telemetry_not_pruned", {{"why", done.error().message}});
  } else if (*done > 0) {
    log_.info("telemetry_pruned", {{"runs", std::to_string(*done)}});
  }
}

void Housekeeper::archive() {
  std::uint64_t moved = 1;
  while (moved > 0 && !stopping()) {
    const Result<std::uint64_t> done = store_.archive_records(clock_.now().wall_ms - options_.history_keep.count());
    if (!done) {
      log_.warning("archive_failed", {{"why", done.error().message}});
      return;
    }
    moved = *done;
    if (moved > 0) {
      log_.info("journal_archived", {{"records", std::to_string(moved)}});
    }
  }
}

}  // namespace luthier::controller
