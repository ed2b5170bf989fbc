#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include "base/digest/digest.h"
#include "base/file.h"
#include "controller/artifacts/artifacts.h"
#include "controller/artifacts/collector.h"
#include "controller/artifacts/local_files.h"

namespace luthier::artifacts {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kManifestBytesMax = std::uint64_t{256} << 20;
// Creates the folder of a shard. The name of a new shard is synced in its parent, or a crash could lose a blob that
// was already promised.
Result<void> create_shard(const fs::path& shard) {
  if (::mkdir(shard.c_str(), 0755) == 0) {
    return sync_folder(shard.parent_path());
  }
  if (errno != EEXIST) {
    return errno_error("cannot create folder", shard);
  }
  return {};
}

// Someone else has stored the same blob already: takes the bytes, keeps none of them.
class DiscardingWriter final : public BlobWriter {
 public:
  Result<void> write(std::string_view) override { return {}; }
  Result<void> finish() override { return {}; }
};

class LocalBlobWriter final : public BlobWriter {
 public:
  LocalBlobWriter(UniqueFd file, fs::path incoming, fs::path target, std::string digest, std::uint64_t bytes)
      : file_(std::move(file)),
        incoming_(std::move(incoming)),
        target_(std::move(target)),
        digest_(std::move(digest)),
        bytes_promised_(bytes) {}

  LocalBlobWriter(const LocalBlobWriter&) = delete;
  LocalBlobWriter& operator=(const LocalBlobWriter&) = delete;
  ~LocalBlobWriter() override { discard(); }

  Result<void> write(std::string_view bytes) override {
    LUTHIER_CHECK(file_.valid());
    if (bytes.size() > bytes_promised_ - bytes_written_) {
      return Error{ErrorCode::kDataLoss,
                   "blob " + digest_ + " is longer than the " + std::to_string(bytes_promised_) + " bytes announced"};
    }
    if (auto written = write_all(file_.get(), bytes); !written) {
      return std::move(written).error().with(incoming_.string());
    }
    hash_.update(bytes);
    bytes_written_ += bytes.size();
    return {};
  }

  Result<void> finish() override {
    LUTHIER_CHECK(file_.valid());
    auto stored = store();
    discard();
    return stored;
  }

 private:
  Result<void> store() {
    if (bytes_written_ != bytes_promised_) {
      return Error{ErrorCode::kDataLoss, "blob " + digest_ + " ended after " + std::to_string(bytes_written_) + " of " +
                                             std::to_string(bytes_promised_) + " bytes"};
    }
    const std::string found = std::string(kDigestPrefix) + hash_.finish();
    if (found != digest_) {
      return Error{ErrorCode::kDataLoss, "blob " + digest_ + " arrived damaged: its bytes have digest " + found};
    }
    if (::fsync(file_.get()) != 0) {
      return errno_error("cannot sync", incoming_);
    }
    LUTHIER_TRY_VOID(create_shard(target_.parent_path()));
    // Two writers of one blob may both come here: they carry the same bytes, so either rename will do.
    if (::rename(incoming_.c_str(), target_.c_str()) != 0) {
      return errno_error("cannot rename to", target_);
    }
    return sync_folder(target_.parent_path());
  }

  // After the rename the name is gone and unlink() finds nothing.
  void discard() {
    if (file_.valid()) {
      file_.reset();
      ::unlink(incoming_.c_str());
    }
  }

  UniqueFd file_;
  const fs::path incoming_;
  const fs::path target_;
  const std::string digest_;
  const std::uint64_t bytes_promised_;
  std::uint64_t bytes_written_ = 0;
  Sha256 hash_;
};

class LocalArtifacts final : public ArtifactStore {
 public:
  LocalArtifacts(const fs::path& folder, std::uint64_t free_bytes_min)
      : blobs_(folder / "blobs"),
        manifests_(folder / "manifests"),
        incoming_(folder / "incoming"),
        lock_file_(folder / kCollectLock),
        free_bytes_min_(free_bytes_min) {}

  // A rename is only the last step of an upload, so whatever lies in incoming/ at the start is an unfinished one.
  Result<void> open() {
    std::error_code code;
    fs::remove_all(incoming_, code);
    if (code) {
      return Error{ErrorCode::kInternal, "cannot clear " + incoming_.string() + ": " + code.message()};
    }
    for (const fs::path& folder : {blobs_, manifests_, incoming_}) {
      LUTHIER_TRY_VOID(create_folders(folder));
    }
    LUTHIER_TRY_VOID(sync_folder(blobs_.parent_path()));
    return sync_folder(fs::absolute(blobs_.parent_path()).lexically_normal().parent_path());
  }

  bool has_blob(const std::string& digest) const override {
    if (!is_sha256_digest(digest)) {
      return false;
    }
    const std::shared_lock lock(collecting_);
    return renew_lease(sharded(blobs_, digest));
  }

  Result<std::unique_ptr<BlobWriter>> create_blob(const std::string& digest, std::uint64_t bytes) override {
    LUTHIER_TRY_VOID(check_digest(digest));
    if (has_blob(digest)) {
      return std::unique_ptr<BlobWriter>(std::make_unique<DiscardingWriter>());
    }
    LUTHIER_TRY_VOID(check_space(bytes));
    for (int attempt = 0; attempt < 8; ++attempt) {
      const fs::path name = incoming_ / secure_random_hex(16);
      UniqueFd file(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644));
      if (file.valid()) {
        return std::unique_ptr<BlobWriter>(
            std::make_unique<LocalBlobWriter>(std::move(file), name, sharded(blobs_, digest), digest, bytes));
      }
      if (errno != EEXIST) {
        return errno_error("cannot create", name);
      }
    }
    return Error{ErrorCode::kInternal, "no free name in " + incoming_.string()};
  }

  Result<UniqueFd> open_blob(const std::string& digest) const override {
    LUTHIER_TRY_VOID(check_digest(digest));
    const fs::path path = sharded(blobs_, digest);
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (!file.valid()) {
      return errno == ENOENT ? Error{ErrorCode::kNotFound, "there is no blob " + digest}
                             : errno_error("cannot open", path);
    }
    return file;
  }

  Result<std::uint64_t> blob_bytes(const std::string& digest) const override {
    LUTHIER_TRY(const UniqueFd file, open_blob(digest));
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
      return errno_error("cannot size", sharded(blobs_, digest));
    }
    return static_cast<std::uint64_t>(status.st_size);
  }

  Result<std::string> put_manifest(const Manifest& manifest) override {
    // Read back as a stranger's, so that nothing can be stored that get_manifest() would refuse.
    const std::string text = artifact::manifest_to_json(manifest);
    const std::shared_lock lock(collecting_);  // its blobs stay from here until it is there itself
    LUTHIER_TRY_VOID(check_manifest(text));
    const std::string digest = sha256_digest(text);
    const fs::path path = sharded(manifests_, digest, ".json");
    if (renew_lease(path)) {
      return digest;
    }
    LUTHIER_TRY_VOID(check_space(text.size()));
    LUTHIER_TRY_VOID(create_shard(path.parent_path()));
    LUTHIER_TRY_VOID(write_manifest(text, path));
    return digest;
  }

  Result<Manifest> get_manifest(const std::string& digest) const override {
    LUTHIER_TRY_VOID(check_digest(digest));
    const fs::path path = sharded(manifests_, digest, ".json");
    {
      const std::shared_lock lock(collecting_);
      renew_lease(path);
    }
    auto text = read_file(path, kManifestBytesMax);
    if (!text) {
      return text.error().code == ErrorCode::kNotFound ? Error{ErrorCode::kNotFound, "there is no artifact " + digest}
                                                       : std::move(text).error();
    }
    if (sha256_digest(*text) != digest) {
      return Error{ErrorCode::kDataLoss, "the manifest of artifact " + digest + " is damaged on disk"};
    }
    return artifact::manifest_from_json(*text);
  }

  Result<Collected> collect(const std::set<std::string>& live, std::int64_t lease_from_wall_ms, bool dry_run) override {
    LUTHIER_TRY(const UniqueFd lock, take_collect_lock(lock_file_, LOCK_EX));
    Collector collector(collecting_, live, lease_from_wall_ms, dry_run);
    LUTHIER_TRY_VOID(collector.collect_manifests(manifests_));
    LUTHIER_TRY_VOID(collector.collect_blobs(blobs_));
    return collector.collected();
  }

 private:
  Result<void> check_manifest(const std::string& text) const {
    LUTHIER_TRY(const Manifest manifest, artifact::manifest_from_json(text));
    for (const artifact::FileEntry& file : manifest.files) {
      renew_lease(sharded(blobs_, file.digest));
      auto bytes = blob_bytes(file.digest);
      if (!bytes) {
        return bytes.error().code == ErrorCode::kNotFound
                   ? Error{ErrorCode::kFailedPrecondition,
                           "blob " + file.digest + " of file '" + file.path + "' is not here; upload it first"}
                   : std::move(bytes).error();
      }
      if (*bytes != file.bytes) {
        return Error{ErrorCode::kInvalidArgument, "file '" + file.path + "' is said to have " +
                                                      std::to_string(file.bytes) + " bytes, but its blob has " +
                                                      std::to_string(*bytes)};
      }
    }
    return {};
  }

  // By way of incoming/, because two writers of one manifest must not share a temporary name.
  Result<void> write_manifest(const std::string& text, const fs::path& path) const {
    const fs::path name = incoming_ / secure_random_hex(16);
    LUTHIER_TRY_VOID(write_file_atomically(name, text));
    if (::rename(name.c_str(), path.c_str()) != 0) {
      const Error error = errno_error("cannot rename to", path);
      ::unlink(name.c_str());
      return error;
    }
    return sync_folder(path.parent_path());
  }

  Result<void> check_space(std::uint64_t bytes) const {
    struct statvfs status {};
    if (::statvfs(incoming_.c_str(), &status) != 0) {
      return errno_error("cannot ask for the free space of", incoming_);
    }
    const std::uint64_t free_bytes = std::uint64_t{status.f_bavail} * status.f_frsize;
    if (bytes > free_bytes || free_bytes - bytes < free_bytes_min_) {
      // Below the reserve the controller has stopped taking work until there is room again: worth waiting for.
      return Error{free_bytes < free_bytes_min_ ? ErrorCode::kUnavailable : ErrorCode::kResourceExhausted,
                   "the disk of " + incoming_.parent_path().string() + " has " + std::to_string(free_bytes) +
                       " bytes free (" + std::to_string(free_bytes_min_) + " of them reserved), " +
                       std::to_string(bytes) + " are needed; free some space"};
    }
    return {};
  }

  const fs::path blobs_;
  const fs::path manifests_;
  const fs::path incoming_;
  const fs::path lock_file_;
  const std::uint64_t free_bytes_min_;    // left for the databases, which must be able to go on
  mutable std::shared_mutex collecting_;  // held alone while one file is deleted
};

}  // namespace

Result<std::unique_ptr<ArtifactStore>> open_local_artifacts(const fs::path& folder, std::uint64_t free_bytes_min) {
  auto store = std::make_unique<LocalArtifacts>(folder, free_bytes_min);
  LUTHIER_TRY_VOID(store->open());
  return std::unique_ptr<ArtifactStore>(std::move(store));
}

}  // namespace luthier::artifacts
