// Fuzz targets: one function for each reader of bytes that come from outside. libFuzzer calls it under ./dev fuzz
// (fuzzer_entry.cc); ./dev test calls it once for every committed file of the target's corpus (replay_main.cc).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file.h"

namespace luthier::fuzz {

// Any bytes: must return, without a crash, without a sanitizer's report, and with the target's own checks true. Called
// many times in one process, so it leaves nothing behind.
void one_input(std::string_view bytes);

// A folder for readers that take a path: made at the first use, removed at the end of the process.
class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "luthier-fuzz.XXXXXX").string();
    LUTHIER_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  // Writes a file below the folder and returns its path.
  [[nodiscard]] std::filesystem::path write(const std::filesystem::path& name, std::string_view bytes) const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace luthier::fuzz
