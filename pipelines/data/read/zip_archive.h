// ZipArchive: the entries of a ZIP file as streams, expanded within limits. Names are looked up, never made into paths.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "pipelines/data/read/byte_source.h"

namespace luthier::data::read {

class ZipArchive {
 public:
  // `name` begins messages. kInvalidArgument: not a ZIP file; kNotFound.
  [[nodiscard]] static Result<std::unique_ptr<ZipArchive>> open(const std::filesystem::path& path, std::string name,
                                                                ExpansionLimits limits);
  // Over bytes in memory.
  [[nodiscard]] static Result<std::unique_ptr<ZipArchive>> open_bytes(std::string bytes, std::string name,
                                                                      ExpansionLimits limits);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  // Begins to read an entry, in place of the one before it; kNotFound.
  [[nodiscard]] Result<void> begin(const std::string& entry);
  // Up to `size` bytes of it; 0: its end. kInvalidArgument: damaged; kResourceExhausted: more than the limits.
  [[nodiscard]] Result<std::size_t> read(char* target, std::size_t size);

 private:
  struct Handle;
  explicit ZipArchive(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace luthier::data::read
