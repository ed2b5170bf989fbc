// Downloads: artifacts of the controller as local folders. Every byte is hashed on arrival.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/result.h"
#include "cli/api_client.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::cli {

// The manifest, checked against the digest that names it. kDataLoss when it is another one.
[[nodiscard]] Result<artifact::Manifest> fetch_manifest(ApiClient& api, const std::string& digest);

// Writes the artifact's files below `folder`, which is made; each file appears under its name only once it is whole.
// `on_file` is told before each. A cut transfer is tried again, three times in all. kDataLoss when bytes are not those
// that the digest names.
using OnDownload = std::function<void(const artifact::FileEntry& file)>;
[[nodiscard]] Result<artifact::Manifest> download_artifact(ApiClient& api, const std::string& digest,
                                                           const std::filesystem::path& folder,
                                                           const OnDownload& on_file);

// One of its files, as download_artifact() writes it; `place` is where it lies then.
[[nodiscard]] Result<void> download_file(ApiClient& api, const artifact::FileEntry& entry,
                                         const std::filesystem::path& place);

// kInvalidArgument unless `folder` does not exist yet or is an empty folder.
[[nodiscard]] Result<void> check_is_free(const std::filesystem::path& folder);

}  // namespace luthier::cli
