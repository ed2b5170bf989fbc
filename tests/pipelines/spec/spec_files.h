// The pipeline files of tests/specs, read by several tests.
#pragma once

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace luthier::test {

struct SpecFile {
  std::string name;
  std::string text;
};

// The files of tests/specs/<kind>, by name.
inline std::vector<SpecFile> spec_files(const std::string& kind) {
  std::vector<SpecFile> files;
  const std::filesystem::path folder = std::filesystem::path(LUTHIER_SOURCE_DIR) / "tests" / "specs" / kind;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    auto text = read_file(entry.path());
    LUTHIER_CHECK(text.has_value());
    files.push_back({entry.path().filename().string(), std::move(*text)});
  }
  std::sort(files.begin(), files.end(), [](const SpecFile& a, const SpecFile& b) { return a.name < b.name; });
  return files;
}

}  // namespace luthier::test
