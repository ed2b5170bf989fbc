#include "controller/artifacts/collector.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

#include "base/digest/digest.h"
#include "base/file.h"
#include "controller/artifacts/local_files.h"

namespace luthier::artifacts {
namespace {

namespace fs = std::filesystem;

// Every regular file in the shards of `folder` that is named by a digest, with that digest.
Result<void> for_each_file(const fs::path& folder, std::string_view suffix,
                           const std::function<Result<void>(const fs::path&, const std::string&)>& each) {
  std::error_code bad;
  for (fs::directory_iterator shard(folder, bad), end; !bad && shard != end; shard.increment(bad)) {
    for (fs::directory_iterator file(shard->path(), bad); !bad && file != end; file.increment(bad)) {
      const std::string name = file->path().filename().string();
      const std::string digest =
          std::string(kDigestPrefix) + name.substr(0, name.size() - std::min(name.size(), suffix.size()));
      if (name.ends_with(suffix) && is_sha256_digest(digest)) {
        LUTHIER_TRY_VOID(each(file->path(), digest));
      }
    }
  }
  return bad ? Error{ErrorCode::kInternal, "cannot list " + folder.string() + ": " + bad.message()} : Result<void>();
}

}  // namespace

Result<Collector::Judged> Collector::judge(const fs::path& file, bool is_live) {
  const std::unique_lock lock(collecting_);
  struct stat status {};
  if (::lstat(file.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<Judged>(Judged{Fate::kGone}) : errno_error("cannot look at", file);
  }
  Judged judged{.bytes = static_cast<std::uint64_t>(status.st_size)};
  const std::int64_t leased_ms = std::int64_t{status.st_mtim.tv_sec} * 1'000 + status.st_mtim.tv_nsec / 1'000'000;
  if (is_live || leased_ms >= lease_from_wall_ms_) {
    judged.fate = is_live ? Fate::kLive : Fate::kLeased;
    return judged;
  }
  judged.fate = Fate::kDeleted;
  if (!dry_run_ && ::unlink(file.c_str()) != 0) {
    return errno_error("cannot delete", file);
  }
  return judged;
}

Result<void> Collector::keep_blobs_of(const fs::path& manifest) {
  auto text = read_file(manifest);
  if (!text) {
    return std::move(text).error().with("collecting");
  }
  const auto parsed = artifact::manifest_from_json(*text);
  if (!parsed) {
    return Error{ErrorCode::kDataLoss, "collecting: " + manifest.string() +
                                           " is damaged, so it cannot be said which blobs it needs; restore it from a "
                                           "backup: nothing more is deleted until then"};
  }
  for (const artifact::FileEntry& file : parsed->files) {
    needed_.insert(file.digest);
  }
  return {};
}

Result<void> Collector::collect_manifests(const fs::path& folder) {
  return for_each_file(folder, ".json", [this](const fs::path& file, const std::string& digest) -> Result<void> {
    LUTHIER_TRY(const Judged judged, judge(file, live_.contains(digest)));
    if (judged.fate == Fate::kGone) {
      return {};
    }
    if (judged.fate == Fate::kDeleted) {
      ++collected_.manifests;
      collected_.bytes += judged.bytes;
      return {};
    }
    ++collected_.kept_manifests;
    collected_.kept_bytes += judged.bytes;
    collected_.leased += judged.fate == Fate::kLeased ? 1 : 0;
    return keep_blobs_of(file);
  });
}

Result<void> Collector::collect_blobs(const fs::path& folder) {
  // An artifact that was stored after the look at the manifests has renewed the leases of all its blobs.
  return for_each_file(folder, "", [this](const fs::path& file, const std::string& digest) -> Result<void> {
    LUTHIER_TRY(const Judged judged, judge(file, live_.contains(digest) || needed_.contains(digest)));
    if (judged.fate == Fate::kDeleted) {
      ++collected_.blobs;
      collected_.bytes += judged.bytes;
    } else if (judged.fate != Fate::kGone) {
      ++collected_.kept_blobs;
      collected_.kept_bytes += judged.bytes;
      collected_.leased += judged.fate == Fate::kLeased ? 1 : 0;
    }
    return {};
  });
}

}  // namespace luthier::artifacts
