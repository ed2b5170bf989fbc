// Spool: an append-only file that becomes durable when it is told to.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::shim {

class Spool {
 public:
  // Creates the file, or goes on at its end.
  [[nodiscard]] static Result<Spool> open(const std::filesystem::path& path);

  // kResourceExhausted when the disk is full; a part may have been written.
  [[nodiscard]] Result<void> append(std::string_view bytes);
  // fsync, if anything was appended since the last.
  [[nodiscard]] Result<void> sync();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool dirty() const { return dirty_; }

 private:
  Spool(UniqueFd fd, std::filesystem::path path, std::uint64_t bytes)
      : fd_(std::move(fd)), path_(std::move(path)), bytes_(bytes) {}

  UniqueFd fd_;
  std::filesystem::path path_;
  std::uint64_t bytes_ = 0;
  bool dirty_ = false;
};

}  // namespace luthier::shim
