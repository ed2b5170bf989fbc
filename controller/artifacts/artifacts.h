// Artifacts: content-addressed blobs and the manifests that make folders of them, on local disk.
//
// Layout under the store's folder: blobs/ab/abcdef… (named by SHA-256), manifests/ab/…json, incoming/ (partial
// uploads). A blob becomes visible by an atomic rename after its bytes were hashed, fsynced and its folder fsynced:
// whoever can see it may rely on it after a crash. A file's modification time says when it was last leased.
// Thread-safe: every call stands alone; no caches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::artifacts {

using artifact::Manifest;

// One upload in progress. Destroying it without finish() removes what was written.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  [[nodiscard]] virtual Result<void> write(std::string_view bytes) = 0;
  // Verifies length and digest, makes the blob durable and visible. kDataLoss when the bytes are not what was promised.
  [[nodiscard]] virtual Result<void> finish() = 0;
};

class ArtifactStore {
 public:
  virtual ~ArtifactStore() = default;

  // A blob that is here is leased to whoever asks (see collect()).
  [[nodiscard]] virtual bool has_blob(const std::string& digest) const = 0;
  // kInvalidArgument for a malformed digest; kResourceExhausted when the disk lacks `bytes`.
  [[nodiscard]] virtual Result<std::unique_ptr<BlobWriter>> create_blob(const std::string& digest,
                                                                        std::uint64_t bytes) = 0;
  // Open for reading; kNotFound.
  [[nodiscard]] virtual Result<UniqueFd> open_blob(const std::string& digest) const = 0;
  [[nodiscard]] virtual Result<std::uint64_t> blob_bytes(const std::string& digest) const = 0;

  // Stores a manifest; kFailedPrecondition names the first blob that is not there. Returns the artifact's digest.
  [[nodiscard]] virtual Result<std::string> put_manifest(const Manifest& manifest) = 0;
  [[nodiscard]] virtual Result<Manifest> get_manifest(const std::string& digest) const = 0;

  // Deletes what nobody names: artifacts outside `live`, and then blobs outside `live` that are in no remaining
  // artifact. What was stored, asked for with has_blob(), or read or written as a manifest since `lease_from_wall_ms`
  // is leased and stays; so do all blobs of an artifact that is here. Uploads may go on meanwhile. kFailedPrecondition
  // while a backup reads the folder.
  struct Collected {
    std::uint64_t manifests = 0;  // deleted
    std::uint64_t blobs = 0;
    std::uint64_t bytes = 0;
    std::uint64_t kept_manifests = 0;
    std::uint64_t kept_blobs = 0;
    std::uint64_t kept_bytes = 0;
    std::uint64_t leased = 0;  // of the kept ones: those that only their lease keeps
  };
  [[nodiscard]] virtual Result<Collected> collect(const std::set<std::string>& live, std::int64_t lease_from_wall_ms,
                                                  bool dry_run) = 0;
};

// Opens (and creates) the store; removes what is left in incoming/. `free_bytes_min` of the disk are never taken by
// uploads.
inline constexpr std::uint64_t kFreeBytesMin = std::uint64_t{64} << 20;
[[nodiscard]] Result<std::unique_ptr<ArtifactStore>> open_local_artifacts(const std::filesystem::path& folder,
                                                                          std::uint64_t free_bytes_min = kFreeBytesMin);

}  // namespace luthier::artifacts
