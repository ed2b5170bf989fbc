// DiskGuard: whether the data folder's disk has the room that the databases need to go on. Below the limit the
// controller accepts no runs, assigns no steps and refuses uploads, so that what runs can still end and be journaled.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>

#include "base/result.h"

namespace luthier::controller {

struct DiskSpace {
  std::uint64_t free_bytes = 0;  // for us, not for the superuser
  std::uint64_t total_bytes = 0;
};
using DiskProbe = std::function<Result<DiskSpace>()>;

// statvfs() of the folder's file system.
[[nodiscard]] DiskProbe disk_probe_of(const std::filesystem::path& folder);
// 2 % of the disk, but at least 1 GiB and at most 10 GiB.
[[nodiscard]] std::uint64_t default_free_bytes_min(std::uint64_t total_bytes);

// Thread-safe.
class DiskGuard {
 public:
  DiskGuard(DiskProbe probe, std::uint64_t free_bytes_min)
      : probe_(std::move(probe)), free_bytes_min_(free_bytes_min) {}

  // Asks the disk. Room is enough again only a tenth above the limit, so that the answer does not flicker. A probe that
  // fails is no room. Returns what low() says from then on.
  std::string look();
  // Why there is too little room, as of the last look(); empty: there is enough.
  [[nodiscard]] std::string low() const;
  // The same for /readyz.
  [[nodiscard]] Result<void> readiness() const;

 private:
  const DiskProbe probe_;
  const std::uint64_t free_bytes_min_;
  mutable std::mutex mutex_;
  std::string low_;  // guarded by mutex_
};

}  // namespace luthier::controller
