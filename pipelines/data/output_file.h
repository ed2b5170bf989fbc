// OutputFile: a new file that has its name only once it is whole: it is written under a temporary name beside it, and
// what is not committed is removed.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::data {

class OutputFile {
 public:
  // The folder must exist.
  [[nodiscard]] static Result<OutputFile> create(std::filesystem::path path);
  OutputFile(OutputFile&&) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // kResourceExhausted: the disk is full.
  [[nodiscard]] Result<void> append(std::string_view bytes);
  // Makes it durable and gives it its name, in place of what may bear it. Once.
  [[nodiscard]] Result<void> commit();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path temporary, UniqueFd fd)
      : path_(std::move(path)), temporary_(std::move(temporary)), fd_(std::move(fd)) {}
  Result<void> flush();

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty: committed, or moved from
  UniqueFd fd_;
  std::string buffer_;
};

}  // namespace luthier::data
