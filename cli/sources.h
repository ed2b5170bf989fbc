// Sources: local files that a pipeline names, as artifacts of the controller. Only blobs that it lacks are sent.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/api_client.h"

namespace luthier::cli {

struct LocalFile {
  std::string path;             // within the artifact
  std::filesystem::path place;  // on this machine
  bool executable = false;
};

// The files that `pattern` names, relative to `folder`: a file, everything below a folder, or a pattern with '*' in any
// part (which matches within that part). Hidden files match only a pattern that starts with '.'. kInvalidArgument when
// there are none.
[[nodiscard]] Result<std::vector<LocalFile>> find_files(const std::filesystem::path& folder,
                                                        const std::string& pattern);

// Whether `name` matches a pattern whose '*' stand for any text.
[[nodiscard]] bool matches(std::string_view pattern, std::string_view name);

// Hashes, sends what is missing, and returns the artifact's digest. `on_upload` is told about each blob before it goes.
using OnUpload = std::function<void(const LocalFile& file, std::uint64_t bytes)>;
[[nodiscard]] Result<std::string> upload_artifact(ApiClient& api, const std::string& kind,
                                                  const std::vector<LocalFile>& files, const OnUpload& on_upload);

}  // namespace luthier::cli
