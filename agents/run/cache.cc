#include "agents/run/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/digest/digest.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kHexStart = 7;  // behind "sha256:"

Error disk_error(const std::string& what, const fs::path& path, int code) {
  return Error{code == ENOSPC || code == EDQUOT ? ErrorCode::kResourceExhausted : ErrorCode::kFailedPrecondition,
               what + " " + path.string() + ": " + std::strerror(code)};
}

// The disk's errors are final here: trying again at once does not make room.
Error final_error(Error error) {
  return error.code == ErrorCode::kInternal ? Error{ErrorCode::kFailedPrecondition, error.message} : error;
}

std::uint64_t bytes_below(const fs::path& folder) {
  std::uint64_t sum = 0;
  std::error_code code;
  for (auto it = fs::directory_iterator(folder, code); !code && it != fs::directory_iterator(); it.increment(code)) {
    std::error_code size_code;
    const std::uintmax_t bytes = fs::file_size(it->path(), size_code);
    sum += size_code ? 0 : bytes;
  }
  return sum;
}

void touch(const fs::path& path) { ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0); }

void make_writable(const fs::path& folder) {
  std::error_code code;
  fs::permissions(folder, fs::perms::owner_all, code);
  for (auto it = fs::recursive_directory_iterator(folder, code); !code && it != fs::recursive_directory_iterator();
       it.increment(code)) {
    if (fs::is_directory(it->symlink_status(code))) {
      fs::permissions(it->path(), fs::perms::owner_all, code);
    }
  }
}

// For steps of another user than the agent's, who cannot list what is around it.
void make_readable(const fs::path& folder) {
  constexpr fs::perms kReadable = fs::perms::owner_all | fs::perms::group_read | fs::perms::group_exec |
                                  fs::perms::others_read | fs::perms::others_exec;
  std::error_code code;
  if (fs::status(folder, code).permissions() == kReadable) {
    return;
  }
  for (auto it = fs::recursive_directory_iterator(folder, code); !code && it != fs::recursive_directory_iterator();
       it.increment(code)) {
    if (fs::is_directory(it->symlink_status(code))) {
      fs::permissions(it->path(), kReadable, code);
    }
  }
  fs::permissions(folder, kReadable, code);
}

}  // namespace

class ArtifactCache::Claim {
 public:
  Claim(ArtifactCache& cache, std::string name) : cache_(cache), name_(std::move(name)) {
    std::unique_lock lock(cache_.mutex_);
    cache_.changed_.wait(lock, [this] { return !cache_.claimed_.contains(name_); });
    cache_.claimed_.insert(name_);
  }
  ~Claim() {
    {
      const std::lock_guard lock(cache_.mutex_);
      cache_.claimed_.erase(name_);
    }
    cache_.changed_.notify_all();
  }
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  ArtifactCache& cache_;
  const std::string name_;
};

fs::path ArtifactCache::artifact_path(const std::string& digest) const {
  return folder_ / "artifacts" / digest.substr(kHexStart);
}
fs::path ArtifactCache::blob_path(const std::string& digest) const {
  return folder_ / "blobs" / digest.substr(kHexStart);
}

void ArtifactCache::pin(const std::string& digest, const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  pins_[attempt].insert(digest);
}

void ArtifactCache::unpin(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  pins_.erase(attempt);
}

std::string ArtifactCache::digest_of(const fs::path& path) const {
  const std::string digest = "sha256:" + path.filename().string();
  return path.parent_path() == folder_ / "artifacts" && is_sha256_digest(digest) ? digest : "";
}

Result<ArtifactCache::Cached> ArtifactCache::fetch(const std::string& digest, const AttemptId& pinned_by,
                                                   const Cancel& cancel) {
  if (!is_sha256_digest(digest)) {
    return Error{ErrorCode::kInvalidArgument, "'" + digest + "' is not a digest (sha256: and 64 hex digits)"};
  }
  pin(digest, pinned_by);
  const Claim claim(*this, digest);
  for (const char* name : {"artifacts", "blobs", "incoming", "kinds"}) {
    LUTHIER_TRY_VOID(create_folders(folder_ / name));
  }
  const fs::path path = artifact_path(digest);
  if (auto kind = read_file(folder_ / "kinds" / path.filename(), 1 << 10); kind && fs::exists(path)) {
    touch(path);
    make_readable(path);
    return Cached{path, *kind};
  }
  evict();
  auto made = materialise(digest, cancel);
  if (!made) {
    return std::move(made).error().with("artifact " + digest);
  }
  return made;
}

Result<ArtifactCache::Cached> ArtifactCache::materialise(const std::string& digest, const Cancel& cancel) {
  LUTHIER_TRY(const std::string json, retry(cancel, [&] { return blobs_.get_manifest(digest, cancel); }));
  LUTHIER_TRY(const artifact::Manifest manifest, artifact::manifest_from_json(json));
  if (artifact::manifest_digest(manifest) != digest) {
    return Error{ErrorCode::kDataLoss, "the manifest that came has another digest"};
  }
  const fs::path building = folder_ / "incoming" / (digest.substr(kHexStart) + ".folder");
  std::error_code code;
  make_writable(building);
  fs::remove_all(building, code);
  LUTHIER_TRY_VOID(create_folders(building));
  for (const artifact::FileEntry& entry : manifest.files) {
    const Claim claim(*this, entry.digest);
    LUTHIER_TRY_VOID(fetch_blob(entry, cancel));
    LUTHIER_TRY_VOID(link_file(entry, building));
  }
  make_readable(building);
  const fs::path path = artifact_path(digest);
  LUTHIER_TRY_VOID(write_file_atomically(folder_ / "kinds" / path.filename(), manifest.kind));
  fs::rename(building, path, code);
  if (code) {
    return disk_error("cannot create", path, code.value());
  }
  return Cached{path, manifest.kind};
}

Result<void> ArtifactCache::fetch_blob(const artifact::FileEntry& entry, const Cancel& cancel) {
  std::error_code code;
  if (fs::file_size(blob_path(entry.digest), code) == entry.bytes && !code) {
    return {};
  }
  return retry(cancel, [&] { return download(entry, cancel); });
}

Result<void> ArtifactCache::download(const artifact::FileEntry& entry, const Cancel& cancel) {
  const fs::path partial = folder_ / "incoming" / entry.digest.substr(kHexStart);
  UniqueFd fd(::open(partial.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  struct stat status {};
  if (!fd.valid() || ::fstat(fd.get(), &status) != 0) {
    return disk_error("cannot open", partial, errno);
  }
  std::uint64_t offset = static_cast<std::uint64_t>(status.st_size);
  if (offset > entry.bytes) {
    if (::ftruncate(fd.get(), 0) != 0) {
      return disk_error("cannot truncate", partial, errno);
    }
    offset = 0;
  }
  if (offset < entry.bytes) {
    LUTHIER_TRY_VOID(blobs_.download(
        entry.digest, offset,
        [&](std::string_view chunk) -> Result<void> {
          auto written = write_all(fd.get(), chunk);
          return written ? std::move(written) : Result<void>(final_error(std::move(written).error()));
        },
        cancel));
  }
  if (::fsync(fd.get()) != 0) {
    return disk_error("cannot sync", partial, errno);
  }
  LUTHIER_TRY(const std::string found, sha256_digest_of_file(partial));
  if (found != entry.digest) {
    ::unlink(partial.c_str());
    return Error{ErrorCode::kDataLoss, "blob " + entry.digest + " of file " + entry.path + " came with wrong bytes"};
  }
  ::fchmod(fd.get(), 0444);
  if (::rename(partial.c_str(), blob_path(entry.digest).c_str()) != 0) {
    return disk_error("cannot rename", partial, errno);
  }
  return {};
}

Result<void> ArtifactCache::link_file(const artifact::FileEntry& entry, const fs::path& folder) {
  const fs::path target = folder / entry.path;
  LUTHIER_TRY_VOID(create_folders(target.parent_path()));
  // All links of a blob share its mode, so a program is a copy.
  if (!entry.executable && ::link(blob_path(entry.digest).c_str(), target.c_str()) == 0) {
    return {};
  }
  std::error_code code;  // too many links, or a file system without them
  fs::copy_file(blob_path(entry.digest), target, code);
  if (!code && entry.executable) {
    fs::permissions(target, fs::perms(0555), code);
  }
  if (code) {
    return disk_error("cannot create", target, code.value());
  }
  return {};
}

void ArtifactCache::drop_artifact(const std::string& name) {
  std::error_code code;
  const fs::path doomed = folder_ / "incoming" / (name + ".doomed");
  make_writable(doomed);
  fs::remove_all(doomed, code);
  fs::rename(folder_ / "artifacts" / name, doomed, code);  // at once, so that no half of it is ever found
  fs::remove_all(doomed, code);
  fs::remove(folder_ / "kinds" / name, code);
}

void ArtifactCache::evict() {
  std::uint64_t bytes = bytes_below(folder_ / "blobs");
  if (bytes <= bytes_max_) {
    return;
  }
  const std::lock_guard lock(mutex_);
  std::set<std::string> kept;
  for (const auto& [attempt, digests] : pins_) {
    for (const std::string& digest : digests) {
      kept.insert(digest.substr(kHexStart));
    }
  }
  std::vector<std::pair<fs::file_time_type, std::string>> candidates;
  std::error_code code;
  for (const auto& entry : fs::directory_iterator(folder_ / "artifacts", code)) {
    if (!kept.contains(entry.path().filename().string())) {
      candidates.emplace_back(fs::last_write_time(entry.path(), code), entry.path().filename().string());
    }
  }
  std::sort(candidates.begin(), candidates.end());
  for (const auto& [time, name] : candidates) {
    if (bytes <= bytes_max_) {
      return;
    }
    drop_artifact(name);
    for (const auto& blob : fs::directory_iterator(folder_ / "blobs", code)) {
      // A claimed blob is about to be linked into an artifact that is being made.
      if (fs::hard_link_count(blob.path(), code) == 1 &&
          !claimed_.contains("sha256:" + blob.path().filename().string())) {
        const std::uintmax_t size = fs::file_size(blob.path(), code);
        if (fs::remove(blob.path(), code)) {
          bytes -= std::min<std::uint64_t>(bytes, size);
        }
      }
    }
  }
}

}  // namespace luthier::agents
