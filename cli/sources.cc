#include "cli/sources.h"

#include <algorithm>
#include <set>

#include "base/digest/digest.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFilesMax = 100'000;

Error invalid(const std::string& message) { return Error{ErrorCode::kInvalidArgument, message}; }

// Everything below a folder, hidden files left out.
Result<void> add_folder(const fs::path& folder, std::vector<LocalFile>& files) {
  std::error_code failure;
  fs::recursive_directory_iterator entries(folder, failure);
  for (; !failure && entries != fs::recursive_directory_iterator(); entries.increment(failure)) {
    const fs::path& place = entries->path();
    if (place.filename().string().starts_with(".")) {
      if (entries->is_directory(failure)) {
        entries.disable_recursion_pending();
      }
      continue;
    }
    if (entries->is_regular_file(failure)) {
      files.push_back({place.lexically_relative(folder).generic_string(), place});
    }
    if (files.size() > kFilesMax) {
      return invalid(folder.string() + " holds more than " + std::to_string(kFilesMax) + " files");
    }
  }
  if (failure) {
    return invalid("cannot list " + folder.string() + ": " + failure.message());
  }
  return {};
}

// Follows the parts of a pattern from `at` on; files get their path below the part where the first '*' stands.
void expand(const fs::path& at, const std::string& relative, const std::vector<std::string>& parts, std::size_t index,
            std::vector<LocalFile>& files) {
  if (index == parts.size()) {
    std::error_code failure;
    if (fs::is_regular_file(at, failure)) {
      files.push_back({relative, at});
    }
    return;
  }
  const std::string& part = parts[index];
  if (part.find('*') == std::string::npos) {
    return expand(at / part, relative.empty() ? part : relative + "/" + part, parts, index + 1, files);
  }
  std::error_code failure;
  for (fs::directory_iterator entries(at, failure); !failure && entries != fs::directory_iterator();
       entries.increment(failure)) {
    const std::string name = entries->path().filename().string();
    const bool hidden = name.starts_with(".") && !part.starts_with(".");
    if (!hidden && matches(part, name) && files.size() < kFilesMax) {
      expand(entries->path(), relative.empty() ? name : relative + "/" + name, parts, index + 1, files);
    }
  }
}

std::vector<LocalFile> expand_pattern(const fs::path& folder, const std::string& pattern) {
  fs::path fixed = folder;
  std::vector<std::string> parts;
  for (const fs::path& part : fs::path(pattern)) {
    if (parts.empty() && part.string().find('*') == std::string::npos) {
      fixed /= part;
    } else {
      parts.push_back(part.string());
    }
  }
  std::vector<LocalFile> files;
  expand(fixed, "", parts, 0, files);
  return files;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  std::size_t i = 0;
  while (i < name.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      resume = i;
    } else if (at < pattern.size() && pattern[at] == name[i]) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', at) == std::string_view::npos;
}

Result<std::vector<LocalFile>> find_files(const fs::path& folder, const std::string& pattern) {
  std::vector<LocalFile> files;
  std::error_code failure;
  const fs::path whole = folder / pattern;
  if (pattern.find('*') != std::string::npos) {
    files = expand_pattern(folder, pattern);
  } else if (fs::is_directory(whole, failure)) {
    LUTHIER_TRY_VOID(add_folder(whole, files));
  } else if (fs::is_regular_file(whole, failure)) {
    files.push_back({whole.filename().string(), whole});
  } else {
    return invalid("there is no file " + whole.string());
  }
  if (files.empty()) {
    return invalid("nothing matches " + whole.string());
  }
  std::sort(files.begin(), files.end(), [](const LocalFile& a, const LocalFile& b) { return a.path < b.path; });
  return files;
}

Result<std::string> upload_artifact(ApiClient& api, const std::string& kind, const std::vector<LocalFile>& files,
                                    const OnUpload& on_upload) {
  artifact::Manifest manifest{.kind = kind, .files = {}};
  Json digests = Json::array();
  for (const LocalFile& file : files) {
    std::error_code failure;
    const std::uint64_t bytes = fs::file_size(file.place, failure);
    LUTHIER_TRY(const std::string digest, sha256_digest_of_file(file.place));
    manifest.files.push_back({file.path, digest, bytes, file.executable});
    digests.push_back(digest);
  }
  LUTHIER_TRY(const Json answer, api.post("/api/v1/missing-blobs", {{"digests", std::move(digests)}}));
  const Json missing_list = answer.value("missing", Json::array());
  std::set<std::string> missing(missing_list.begin(), missing_list.end());
  for (std::size_t i = 0; i < files.size(); ++i) {
    const artifact::FileEntry& entry = manifest.files[i];
    if (missing.erase(entry.digest) == 0) {
      continue;
    }
    on_upload(files[i], entry.bytes);
    Result<void> sent = api.put_file("/api/v1/blobs/" + entry.digest, files[i].place);
    if (!sent) {
      return std::move(sent).error().with("uploading " + files[i].place.string());
    }
  }
  LUTHIER_TRY(const Json stored, api.post("/api/v1/artifacts", Json::parse(artifact::manifest_to_json(manifest))));
  return stored.value("artifact", "");
}

}  // namespace luthier::cli
