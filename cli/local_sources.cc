#include "cli/local_sources.h"

#include "base/digest/digest.h"
#include "cli/repository.h"
#include "cli/sources.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::cli {
namespace {

Result<std::string> artifact_digest(const std::vector<LocalFile>& files) {
  artifact::Manifest manifest{.kind = "source", .files = {}};
  for (const LocalFile& file : files) {
    std::error_code failure;
    const std::uint64_t bytes = std::filesystem::file_size(file.place, failure);
    LUTHIER_TRY(const std::string digest, sha256_digest_of_file(file.place));
    manifest.files.push_back({file.path, digest, bytes, file.executable});
  }
  return artifact::manifest_digest(manifest);
}

}  // namespace

Result<Json> local_sources(const PipelineFile& file) {
  const plan::LocalPaths paths = plan::local_paths(*file.parsed.spec, file.params);
  if (!paths.errors.empty()) {
    return Error{ErrorCode::kInvalidArgument, spec::to_string(paths.errors.front())};
  }
  // Files of the repository as they were committed, as `luthier run` would send them.
  const auto committed = [&file](const plan::LocalPath& path) -> Result<std::string> {
    const std::filesystem::path beside = file.path.has_parent_path() ? file.path.parent_path() : ".";
    LUTHIER_TRY(const Repository repository, find_repository(beside));
    LUTHIER_TRY(const CommittedFiles taken, CommittedFiles::take(repository, path.patterns));
    return artifact_digest(taken.files());
  };
  const std::filesystem::path folder = file.path.has_parent_path() ? file.path.parent_path() : ".";
  Json sources = Json::object();
  for (const plan::LocalPath& path : paths.paths) {
    if (sources.contains(path.path)) {
      continue;
    }
    if (!path.patterns.empty()) {
      LUTHIER_TRY(sources[path.path], committed(path));
    } else {
      LUTHIER_TRY(const std::vector<LocalFile> files, find_files(folder, path.path));
      LUTHIER_TRY(sources[path.path], artifact_digest(files));
    }
  }
  return sources;
}

}  // namespace luthier::cli
