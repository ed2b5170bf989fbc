#include "cli/local_sources.h"

#include "base/digest/digest.h"
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
    manifest.files.push_back({file.path, digest, bytes});
  }
  return artifact::manifest_digest(manifest);
}

}  // namespace

Result<Json> local_sources(const PipelineFile& file) {
  const plan::LocalPaths paths = plan::local_paths(*file.parsed.spec, file.params);
  if (!paths.errors.empty()) {
    return Error{ErrorCode::kInvalidArgument, spec::to_string(paths.errors.front())};
  }
  const std::filesystem::path folder = file.path.has_parent_path() ? file.path.parent_path() : ".";
  Json sources = Json::object();
  for (const plan::LocalPath& path : paths.paths) {
    if (!sources.contains(path.path)) {
      LUTHIER_TRY(const std::vector<LocalFile> files, find_files(folder, path.path));
      LUTHIER_TRY(sources[path.path], artifact_digest(files));
    }
  }
  return sources;
}

}  // namespace luthier::cli
