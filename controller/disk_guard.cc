#include "controller/disk_guard.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace luthier::controller {
namespace {

constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;

std::string size_text(std::uint64_t bytes) {
  const double gibibytes = static_cast<double>(bytes) / static_cast<double>(kGibibyte);
  char text[32];
  if (gibibytes >= 1) {
    std::snprintf(text, sizeof text, "%.1f GiB", gibibytes);
  } else {
    std::snprintf(text, sizeof text, "%.1f MiB", gibibytes * 1024);
  }
  return text;
}

}  // namespace

DiskProbe disk_probe_of(const std::filesystem::path& folder) {
  return [folder]() -> Result<DiskSpace> {
    struct statvfs status {};
    if (::statvfs(folder.c_str(), &status) != 0) {
      return Error{ErrorCode::kInternal,
                   "the free space of " + folder.string() + " is unknown: " + std::strerror(errno)};
    }
    return DiskSpace{std::uint64_t{status.f_bavail} * status.f_frsize,
                     std::uint64_t{status.f_blocks} * status.f_frsize};
  };
}

std::uint64_t default_free_bytes_min(std::uint64_t total_bytes) {
  return std::clamp(total_bytes / 50, kGibibyte, 10 * kGibibyte);
}

std::string DiskGuard::look() {
  const Result<DiskSpace> space = probe_();
  const std::lock_guard lock(mutex_);
  if (!space) {
    low_ = space.error().message;
    return low_;
  }
  const std::uint64_t enough = low_.empty() ? free_bytes_min_ : free_bytes_min_ + free_bytes_min_ / 10;
  low_.clear();
  if (space->free_bytes < enough) {
    low_ = size_text(space->free_bytes) + " of " + size_text(space->total_bytes) + " are free, " + size_text(enough) +
           " are needed; free some, for example with `luthier gc`";
  }
  return low_;
}

std::string DiskGuard::low() const {
  const std::lock_guard lock(mutex_);
  return low_;
}

Result<void> DiskGuard::readiness() const {
  const std::string why = low();
  return why.empty() ? Result<void>() : Error{ErrorCode::kUnavailable, "the controller's disk is almost full: " + why};
}

}  // namespace luthier::controller
