#include "cli/download.h"

#include <cstdio>
#include <fstream>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kTries = 3;

Result<void> download_once(ApiClient& api, const artifact::FileEntry& entry, const fs::path& partial) {
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  if (!file) {
    return Error{ErrorCode::kInvalidArgument, "cannot write " + partial.string()};
  }
  Sha256 hash;
  Result<void> streamed = api.stream("GET", "/api/v1/blobs/" + entry.digest, Json(), [&](std::string_view bytes) {
    hash.update(bytes);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return file.good();
  });
  file.close();
  if (!file) {
    return Error{ErrorCode::kResourceExhausted, "cannot write " + partial.string() + "; is the disk full?"};
  }
  LUTHIER_TRY_VOID(std::move(streamed));
  if ("sha256:" + hash.finish() != entry.digest) {
    return Error{ErrorCode::kDataLoss, "the controller's bytes of '" + entry.path + "' are not those of " +
                                           entry.digest + "; `luthier models verify` shows what is damaged"};
  }
  return {};
}

}  // namespace

Result<void> download_file(ApiClient& api, const artifact::FileEntry& entry, const fs::path& place) {
  LUTHIER_TRY_VOID(create_folders(place.parent_path()));
  const fs::path partial = place.string() + ".partial";
  Result<void> done;
  for (int tried = 0; tried < kTries; ++tried) {
    done = download_once(api, entry, partial);
    if (done || done.error().code != ErrorCode::kUnavailable) {
      break;
    }
  }
  std::error_code failure;
  if (!done) {
    fs::remove(partial, failure);
    return std::move(done).error().with("downloading " + entry.path);
  }
  fs::rename(partial, place, failure);
  if (failure) {
    return Error{ErrorCode::kInternal, "renaming " + partial.string() + ": " + failure.message()};
  }
  return {};
}

Result<artifact::Manifest> fetch_manifest(ApiClient& api, const std::string& digest) {
  if (!is_sha256_digest(digest)) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + digest + "' is not the digest of an artifact (sha256: and 64 hexadecimal digits)"};
  }
  LUTHIER_TRY(const Json answer, api.get("/api/v1/artifacts/" + digest));
  LUTHIER_TRY(artifact::Manifest manifest, artifact::manifest_from_json(answer.dump()));
  if (artifact::manifest_digest(manifest) != digest) {
    return Error{ErrorCode::kDataLoss, "the controller's manifest of " + digest + " is another one"};
  }
  return manifest;
}

Result<artifact::Manifest> download_artifact(ApiClient& api, const std::string& digest, const fs::path& folder,
                                             const OnDownload& on_file) {
  LUTHIER_TRY(artifact::Manifest manifest, fetch_manifest(api, digest));
  LUTHIER_TRY_VOID(create_folders(folder));
  for (const artifact::FileEntry& entry : manifest.files) {
    on_file(entry);
    LUTHIER_TRY_VOID(download_file(api, entry, folder / entry.path));
  }
  return manifest;
}

Result<void> check_is_free(const fs::path& folder) {
  std::error_code failure;
  if (!fs::exists(folder, failure)) {
    return {};
  }
  if (!fs::is_directory(folder, failure) || !fs::is_empty(folder, failure) || failure) {
    return Error{ErrorCode::kInvalidArgument,
                 folder.string() + " is there already and not an empty folder; name another"};
  }
  return {};
}

}  // namespace luthier::cli
