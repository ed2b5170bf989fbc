// Folders of a step become artifacts in the controller's store.
#pragma once

#include <filesystem>
#include <string>

#include "agents/core/input.h"
#include "agents/run/blob_client.h"
#include "agents/run/cache.h"

namespace luthier::agents {

// Uploads what the store lacks of the folder (or file) and its manifest; returns the artifact's digest. Waits out
// outages. kInvalidArgument or kNotFound when the folder itself cannot be an artifact.
[[nodiscard]] Result<std::string> upload_folder(BlobClient& blobs, const std::filesystem::path& folder,
                                                const std::string& kind, const Cancel& cancel);

struct UploadedCheckpoint {
  std::string artifact;    // the whole folder, kind "checkpoint"
  std::string model;       // its adapter/ or model/ subfolder
  std::string model_kind;  // "adapter" or "model"
};
[[nodiscard]] Result<UploadedCheckpoint> upload_checkpoint(BlobClient& blobs, const std::filesystem::path& work,
                                                           const std::string& path, const Cancel& cancel);

// Deletes a checkpoint's folder, which the controller has committed or refused. Silent when it is gone.
void remove_checkpoint(const std::filesystem::path& work, const std::string& path);

// `outputs` with every {"$path", "kind"} uploaded and replaced by {"$artifact", "kind"}. A path must lie below `work`,
// or be an artifact of the cache (an input handed on).
[[nodiscard]] Result<Json> upload_outputs(BlobClient& blobs, const ArtifactCache& cache,
                                          const std::filesystem::path& work, const Json& outputs, const Cancel& cancel);

}  // namespace luthier::agents
