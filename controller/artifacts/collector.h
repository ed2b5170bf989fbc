// Private to controller/artifacts: one collection over the folders of a local store.
#pragma once

#include <filesystem>
#include <functional>
#include <set>
#include <shared_mutex>
#include <string>

#include "controller/artifacts/artifacts.h"

namespace luthier::artifacts {

class Collector {
 public:
  // `collecting` is what every lease is renewed under, shared; it is held alone while one file is looked at and
  // deleted, so that a lease is never renewed in between.
  Collector(std::shared_mutex& collecting, const std::set<std::string>& live, std::int64_t lease_from_wall_ms,
            bool dry_run)
      : collecting_(collecting), live_(live), lease_from_wall_ms_(lease_from_wall_ms), dry_run_(dry_run) {}

  // First: what remains afterwards says which blobs are needed.
  [[nodiscard]] Result<void> collect_manifests(const std::filesystem::path& folder);
  [[nodiscard]] Result<void> collect_blobs(const std::filesystem::path& folder);
  [[nodiscard]] const ArtifactStore::Collected& collected() const { return collected_; }

 private:
  enum class Fate { kLive, kLeased, kDeleted, kGone };
  struct Judged {
    Fate fate = Fate::kLive;
    std::uint64_t bytes = 0;
  };
  [[nodiscard]] Result<Judged> judge(const std::filesystem::path& file, bool is_live);
  [[nodiscard]] Result<void> keep_blobs_of(const std::filesystem::path& manifest);

  std::shared_mutex& collecting_;
  const std::set<std::string>& live_;
  const std::int64_t lease_from_wall_ms_;
  const bool dry_run_;
  std::set<std::string> needed_;  // blobs of the artifacts that stay
  ArtifactStore::Collected collected_;
};

}  // namespace luthier::artifacts
