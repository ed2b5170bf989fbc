#include "agents/run/upload.h"

#include <algorithm>
#include <map>

#include "pipelines/artifact/manifest.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t kDigestsPerCall = 1'000;

Result<std::vector<std::string>> find_missing(BlobClient& blobs, const std::vector<std::string>& digests,
                                              const Cancel& cancel) {
  std::vector<std::string> missing;
  for (std::size_t start = 0; start < digests.size(); start += kDigestsPerCall) {
    const auto first = digests.begin() + static_cast<std::ptrdiff_t>(start);
    const std::vector<std::string> some(
        first, first + static_cast<std::ptrdiff_t>(std::min(kDigestsPerCall, digests.size() - start)));
    LUTHIER_TRY(const std::vector<std::string> lacking,
                retry(cancel, [&] { return blobs.find_missing(some, cancel); }));
    missing.insert(missing.end(), lacking.begin(), lacking.end());
  }
  return missing;
}

fs::path file_of(const fs::path& folder, const std::string& entry) {
  std::error_code code;
  return fs::is_directory(folder, code) ? folder / entry : folder;
}

// `path` as the process gave it; what it names must exist and lie below `work`.
Result<fs::path> resolve_in_work(const fs::path& work, const std::string& path) {
  std::error_code code;
  const fs::path root = fs::canonical(work, code);
  const fs::path found = code ? fs::path() : fs::canonical(root / path, code);
  if (code) {
    return Error{ErrorCode::kNotFound, "the step named '" + path + "', which is not there"};
  }
  const fs::path relative = found.lexically_relative(root);
  if (relative.empty() || *relative.begin() == ".." || relative == ".") {
    return Error{ErrorCode::kInvalidArgument, "the step named '" + path + "', which is not below its working folder"};
  }
  return found;
}

}  // namespace

Result<std::string> upload_folder(BlobClient& blobs, const fs::path& folder, const std::string& kind,
                                  const Cancel& cancel) {
  LUTHIER_TRY(const artifact::Manifest manifest, artifact::manifest_of_folder(folder, kind));
  std::map<std::string, const artifact::FileEntry*> entries;
  std::vector<std::string> digests;
  for (const artifact::FileEntry& entry : manifest.files) {
    if (entries.emplace(entry.digest, &entry).second) {
      digests.push_back(entry.digest);
    }
  }
  const auto put_all = [&]() -> Result<std::string> {
    LUTHIER_TRY(const std::vector<std::string> missing, find_missing(blobs, digests, cancel));
    for (const std::string& digest : missing) {
      const auto found = entries.find(digest);
      if (found == entries.end()) {
        return Error{ErrorCode::kInternal, "the store asked for a blob that was not offered"};
      }
      const artifact::FileEntry& entry = *found->second;
      LUTHIER_TRY_VOID(
          retry(cancel, [&] { return blobs.upload(digest, entry.bytes, file_of(folder, entry.path), cancel); }));
    }
    return retry(cancel, [&] { return blobs.put_manifest(artifact::manifest_to_json(manifest), cancel); });
  };
  for (int round = 1;; ++round) {
    auto digest = put_all();
    // A blob that was there may have been collected meanwhile: ask again what is missing.
    if (digest || digest.error().code != ErrorCode::kFailedPrecondition || round == 3) {
      return digest;
    }
  }
}

Result<UploadedCheckpoint> upload_checkpoint(BlobClient& blobs, const fs::path& work, const std::string& path,
                                             const Cancel& cancel) {
  LUTHIER_TRY(const fs::path folder, resolve_in_work(work, path));
  UploadedCheckpoint uploaded;
  for (const char* kind : {"adapter", "model"}) {
    if (fs::is_directory(folder / kind)) {
      uploaded.model_kind = kind;
    }
  }
  if (uploaded.model_kind.empty()) {
    return Error{ErrorCode::kInvalidArgument, "checkpoint '" + path + "' has neither adapter/ nor model/"};
  }
  LUTHIER_TRY(uploaded.artifact, upload_folder(blobs, folder, "checkpoint", cancel));
  LUTHIER_TRY(uploaded.model, upload_folder(blobs, folder / uploaded.model_kind, uploaded.model_kind, cancel));
  return uploaded;
}

void remove_checkpoint(const fs::path& work, const std::string& path) {
  std::error_code code;
  if (const auto folder = resolve_in_work(work, path)) {
    fs::remove_all(*folder, code);
  }
}

Result<Json> upload_outputs(BlobClient& blobs, const ArtifactCache& cache, const fs::path& work, const Json& outputs,
                            const Cancel& cancel) {
  if (outputs.is_object() && outputs.contains("$artifact")) {
    return Json{{"$artifact", outputs.at("$artifact")}, {"kind", outputs.value("kind", Json())}};
  }
  if (outputs.is_object() && outputs.contains("$path")) {
    if (!outputs.at("$path").is_string() || !outputs.value("kind", Json()).is_string()) {
      return Error{ErrorCode::kInvalidArgument, "an output folder must be {\"$path\": text, \"kind\": text}"};
    }
    const std::string path = outputs.at("$path").get<std::string>();
    const std::string kind = outputs.at("kind").get<std::string>();
    std::string digest = cache.digest_of(path);
    if (digest.empty()) {
      LUTHIER_TRY(const fs::path folder, resolve_in_work(work, path));
      LUTHIER_TRY(digest, upload_folder(blobs, folder, kind, cancel));
    }
    return Json{{"$artifact", digest}, {"kind", kind}};
  }
  Json result = outputs;
  if (result.is_structured()) {
    for (auto& item : result) {
      LUTHIER_TRY(item, upload_outputs(blobs, cache, work, item, cancel));
    }
  }
  return result;
}

}  // namespace luthier::agents
