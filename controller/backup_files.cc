#include "controller/backup_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/digest/digest.h"
#include "base/file.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::controller {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

Error errno_error(const std::string& what, const fs::path& path) {
  const int code = errno;
  return Error{code == ENOENT                     ? ErrorCode::kNotFound
               : code == ENOSPC || code == EDQUOT ? ErrorCode::kResourceExhausted
                                                  : ErrorCode::kInternal,
               what + " " + path.string() + ": " + std::strerror(code)};
}

// Reads `from` to its end; writes it to `to` unless that is -1.
Result<Copied> pump(int from, int to, const fs::path& name) {
  Sha256 hash;
  Copied copied;
  std::string chunk(kChunkBytes, '\0');
  while (true) {
    const ssize_t count = ::read(from, chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return errno_error("cannot read", name);
    }
    if (count == 0) {
      copied.digest = "sha256:" + hash.finish();
      return copied;
    }
    const std::string_view bytes(chunk.data(), static_cast<std::size_t>(count));
    hash.update(bytes);
    copied.bytes += bytes.size();
    if (to >= 0) {
      LUTHIER_TRY_VOID(write_all(to, bytes));
    }
  }
}

Error damaged(const fs::path& file) {
  return Error{ErrorCode::kDataLoss, file.string() + " is damaged: its bytes are not what they must be"};
}

}  // namespace

Result<Copied> hash_file(const fs::path& file) {
  const UniqueFd source(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!source.valid()) {
    return errno_error("cannot open", file);
  }
  return pump(source.get(), -1, file);
}

Result<Copied> copy_file(const fs::path& from, const fs::path& to, const std::string& digest, bool links) {
  LUTHIER_TRY_VOID(create_folders(to.parent_path()));
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status {};
  if (!source.valid() || ::fstat(source.get(), &status) != 0) {
    return errno_error("cannot open", from);
  }
  struct stat present {};
  if (!digest.empty() && ::lstat(to.c_str(), &present) == 0 && present.st_size == status.st_size) {
    LUTHIER_TRY(Copied there, hash_file(to));
    if (there.digest == digest) {
      return there;
    }
  }
  if (links && !digest.empty()) {
    ::unlink(to.c_str());
    if (::link(from.c_str(), to.c_str()) == 0) {
      LUTHIER_TRY(Copied linked, hash_file(to));
      return linked.digest == digest ? Result<Copied>(std::move(linked)) : damaged(from);
    }
  }
  const fs::path partial = to.string() + ".partial";
  UniqueFd target(::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, status.st_mode & 0777));
  if (!target.valid()) {
    return errno_error("cannot create", partial);
  }
  auto copied = pump(source.get(), target.get(), from);
  if (!copied) {
    return std::move(copied).error().with("copying to " + partial.string());
  }
  if (!digest.empty() && copied->digest != digest) {
    ::unlink(partial.c_str());
    return damaged(from);
  }
  if (::fsync(target.get()) != 0 || ::rename(partial.c_str(), to.c_str()) != 0) {
    return errno_error("cannot finish", to);
  }
  LUTHIER_TRY_VOID(sync_folder(to.parent_path()));
  return copied;
}

std::string expected_digest(const fs::path& path) {
  const std::string digest = "sha256:" + path.stem().string();
  return path.string().starts_with("artifacts/") && is_sha256_digest(digest) ? digest : "";
}

Result<UniqueFd> hold_collection(const fs::path& artifacts) {
  LUTHIER_TRY_VOID(create_folders(artifacts));
  const fs::path file = artifacts / "collect.lock";
  UniqueFd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return errno_error("cannot open", file);
  }
  if (::flock(lock.get(), LOCK_SH | LOCK_NB) != 0) {
    return Error{ErrorCode::kUnavailable,
                 "artifacts are being collected in " + artifacts.string() + "; try again in a moment"};
  }
  return lock;
}

Result<void> check_artifacts(const fs::path& artifacts) {
  std::error_code bad;
  if (!fs::exists(artifacts / "manifests", bad)) {
    return {};
  }
  for (fs::recursive_directory_iterator file(artifacts / "manifests", bad), end; !bad && file != end;
       file.increment(bad)) {
    if (!file->is_regular_file()) {
      continue;
    }
    LUTHIER_TRY(const std::string text, read_file(file->path()));
    const auto manifest = artifact::manifest_from_json(text);
    if (!manifest) {
      return damaged(file->path());
    }
    for (const artifact::FileEntry& entry : manifest->files) {
      const std::string hex = entry.digest.substr(7);
      const fs::path blob = artifacts / "blobs" / hex.substr(0, 2) / hex;
      if (!fs::exists(blob, bad)) {
        return Error{ErrorCode::kDataLoss, "artifact sha256:" + file->path().stem().string() + " lacks blob " +
                                               entry.digest + " of its file '" + entry.path + "'"};
      }
    }
  }
  return bad ? Error{ErrorCode::kInternal, "cannot list " + artifacts.string() + ": " + bad.message()} : Result<void>();
}

}  // namespace luthier::controller
