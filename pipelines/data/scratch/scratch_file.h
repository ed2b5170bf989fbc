// ScratchFile: a temporary file without a name, gone with this object or this process.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::data::scratch {

class ScratchFile {
 public:
  // In `folder`; kUnavailable when that is not possible.
  [[nodiscard]] static Result<std::unique_ptr<ScratchFile>> create(const std::filesystem::path& folder);

  // kResourceExhausted: the disk is full.
  [[nodiscard]] Result<void> append(const void* bytes, std::size_t size);
  // Reads exactly `size` bytes at `offset`, which must have been written.
  [[nodiscard]] Result<void> read(std::uint64_t offset, void* target, std::size_t size) const;
  // Writes over what has been written.
  [[nodiscard]] Result<void> write(std::uint64_t offset, const void* bytes, std::size_t size);
  [[nodiscard]] std::uint64_t size() const { return size_; }

 private:
  ScratchFile(UniqueFd fd, std::filesystem::path folder) : fd_(std::move(fd)), folder_(std::move(folder)) {}

  UniqueFd fd_;
  std::filesystem::path folder_;
  std::uint64_t size_ = 0;
};

}  // namespace luthier::data::scratch
