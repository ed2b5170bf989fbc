// BlobClient: what agents/run needs of the controller's blob plane. agents/link implements it over gRPC; tests have an
// in-memory one. All calls block and may be made from several threads; a call in progress ends with kCancelled when
// `cancel` is set.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/run/cancel.h"
#include "base/result.h"

namespace luthier::agents {

class BlobClient {
 public:
  virtual ~BlobClient() = default;

  // Which of these the store lacks.
  [[nodiscard]] virtual Result<std::vector<std::string>> find_missing(const std::vector<std::string>& digests,
                                                                      const Cancel& cancel) = 0;
  // Sends the whole file as the blob `digest`. kDataLoss when the store finds other bytes than promised.
  [[nodiscard]] virtual Result<void> upload(const std::string& digest, std::uint64_t bytes,
                                            const std::filesystem::path& file, const Cancel& cancel) = 0;
  // Hands over the bytes from `offset` on, in order; stops at the first error of `on_chunk` and returns it.
  [[nodiscard]] virtual Result<void> download(const std::string& digest, std::uint64_t offset,
                                              const std::function<Result<void>(std::string_view)>& on_chunk,
                                              const Cancel& cancel) = 0;
  // Returns the artifact's digest; kFailedPrecondition when a blob of it is not in the store.
  [[nodiscard]] virtual Result<std::string> put_manifest(const std::string& manifest_json, const Cancel& cancel) = 0;
  // kNotFound when the store has no such artifact.
  [[nodiscard]] virtual Result<std::string> get_manifest(const std::string& digest, const Cancel& cancel) = 0;
};

}  // namespace luthier::agents
