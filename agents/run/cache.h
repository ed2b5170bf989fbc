// ArtifactCache: the artifacts that this machine has, as read-only folders.
//
//   CACHE/artifacts/HEX/…           one folder per artifact, renamed into place when complete
//   CACHE/kinds/HEX                 the artifact's kind
//   CACHE/blobs/HEX                 verified bytes; files of artifacts are hard links to them, so that artifacts share
//   CACHE/incoming/HEX              a download so far; goes on from its end
//
// Thread-safe; two fetches of one artifact at the same time download it once. What is not pinned may be evicted, least
// recently used first, when a fetch finds the cache larger than its limit.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <set>
#include <string>

#include "agents/run/blob_client.h"
#include "base/ids.h"
#include "base/result.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::agents {

class ArtifactCache {
 public:
  ArtifactCache(std::filesystem::path folder, BlobClient& blobs, std::uint64_t bytes_max)
      : folder_(std::move(folder)), blobs_(blobs), bytes_max_(bytes_max) {}

  struct Cached {
    std::filesystem::path path;
    std::string kind;
  };
  // Brings the artifact here and pins it for the attempt. Waits out outages. kNotFound when the store does not have
  // it; kResourceExhausted when the disk is full; kDataLoss when its bytes are wrong again and again.
  [[nodiscard]] Result<Cached> fetch(const std::string& digest, const AttemptId& pinned_by, const Cancel& cancel);

  // For attempts found at start.
  void pin(const std::string& digest, const AttemptId& attempt);
  void unpin(const AttemptId& attempt);

  // The digest of the cached artifact whose folder is `path`; empty when it is none.
  [[nodiscard]] std::string digest_of(const std::filesystem::path& path) const;

 private:
  [[nodiscard]] std::filesystem::path artifact_path(const std::string& digest) const;
  [[nodiscard]] std::filesystem::path blob_path(const std::string& digest) const;
  [[nodiscard]] Result<Cached> materialise(const std::string& digest, const Cancel& cancel);
  [[nodiscard]] Result<void> fetch_blob(const artifact::FileEntry& entry, const Cancel& cancel);
  [[nodiscard]] Result<void> download(const artifact::FileEntry& entry, const Cancel& cancel);
  [[nodiscard]] Result<void> link_file(const artifact::FileEntry& entry, const std::filesystem::path& folder);
  void evict();
  void drop_artifact(const std::string& name);

  // Waits until nobody else works on `name`, then holds it.
  class Claim;

  const std::filesystem::path folder_;
  BlobClient& blobs_;
  const std::uint64_t bytes_max_;
  std::mutex mutex_;  // guards the members below
  std::condition_variable changed_;
  std::set<std::string> claimed_;
  std::map<AttemptId, std::set<std::string>> pins_;
};

}  // namespace luthier::agents
