// FakeBlobs: the controller's blob store in memory, with faults on request. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "agents/run/blob_client.h"
#include "base/digest/digest.h"
#include "base/file.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::agents {

class FakeBlobs final : public BlobClient {
 public:
  // Puts an artifact into the store; returns its digest.
  std::string add(const std::string& kind, const std::map<std::string, std::string>& files,
                  const std::set<std::string>& executable = {}) {
    artifact::Manifest manifest{kind, {}};
    const std::lock_guard lock(mutex_);
    for (const auto& [path, content] : files) {
      manifest.files.push_back({path, sha256_digest(content), content.size(), executable.contains(path)});
      blobs_[sha256_digest(content)] = content;
    }
    const std::string digest = artifact::manifest_digest(manifest);
    manifests_[digest] = artifact::manifest_to_json(manifest);
    return digest;
  }

  Result<std::vector<std::string>> find_missing(const std::vector<std::string>& digests, const Cancel&) override {
    const std::lock_guard lock(mutex_);
    LUTHIER_TRY_VOID(outage());
    std::vector<std::string> missing;
    for (const std::string& digest : digests) {
      if (!blobs_.contains(digest)) {
        missing.push_back(digest);
      }
    }
    return missing;
  }

  Result<void> upload(const std::string& digest, std::uint64_t bytes, const std::filesystem::path& file,
                      const Cancel&) override {
    LUTHIER_TRY(const std::string content, read_file(file));
    const std::lock_guard lock(mutex_);
    LUTHIER_TRY_VOID(outage());
    if (content.size() != bytes || sha256_digest(content) != digest) {
      return Error{ErrorCode::kDataLoss, "wrong bytes"};
    }
    blobs_[digest] = content;
    uploads.push_back(digest);
    return {};
  }

  Result<void> download(const std::string& digest, std::uint64_t offset,
                        const std::function<Result<void>(std::string_view)>& on_chunk, const Cancel&) override {
    std::string content;
    {
      const std::lock_guard lock(mutex_);
      offsets.push_back(offset);
      if (!blobs_.contains(digest)) {
        return Error{ErrorCode::kNotFound, "no such blob"};
      }
      content = blobs_[digest].substr(offset);
      if (breaks_left > 0) {
        --breaks_left;
        content.resize(content.size() / 2);
        LUTHIER_TRY_VOID(on_chunk(content));
        return Error{ErrorCode::kUnavailable, "the connection broke"};
      }
      if (corrupt) {
        content.back() = static_cast<char>(content.back() + 1);
      }
    }
    const std::size_t half = content.size() / 2;
    LUTHIER_TRY_VOID(on_chunk(std::string_view(content).substr(0, half)));
    return on_chunk(std::string_view(content).substr(half));
  }

  Result<std::string> put_manifest(const std::string& manifest_json, const Cancel&) override {
    const std::lock_guard lock(mutex_);
    LUTHIER_TRY_VOID(outage());
    LUTHIER_TRY(const artifact::Manifest manifest, artifact::manifest_from_json(manifest_json));
    for (const artifact::FileEntry& entry : manifest.files) {
      if (!blobs_.contains(entry.digest)) {
        return Error{ErrorCode::kFailedPrecondition, "blob missing"};
      }
    }
    const std::string digest = artifact::manifest_digest(manifest);
    manifests_[digest] = manifest_json;
    return digest;
  }

  Result<std::string> get_manifest(const std::string& digest, const Cancel&) override {
    const std::lock_guard lock(mutex_);
    LUTHIER_TRY_VOID(outage());
    const auto found = manifests_.find(digest);
    if (found == manifests_.end()) {
      return Error{ErrorCode::kNotFound, "the store has no artifact " + digest};
    }
    return found->second;
  }

  [[nodiscard]] bool has_artifact(const std::string& digest) const {
    const std::lock_guard lock(mutex_);
    return manifests_.contains(digest);
  }

  int breaks_left = 0;                 // downloads that break in the middle
  int outages_left = 0;                // other calls that find the controller away
  bool corrupt = false;                // downloads bring wrong bytes
  std::vector<std::uint64_t> offsets;  // of downloads
  std::vector<std::string> uploads;

 private:
  Result<void> outage() {
    if (outages_left > 0) {
      --outages_left;
      return Error{ErrorCode::kUnavailable, "the controller is away"};
    }
    return {};
  }
  mutable std::mutex mutex_;
  std::map<std::string, std::string> blobs_;
  std::map<std::string, std::string> manifests_;
};

}  // namespace luthier::agents
