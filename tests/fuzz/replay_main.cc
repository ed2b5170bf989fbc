// Runs a fuzz target once for every file of the folders named on the command line. Fails when there is no file: an
// empty corpus tests nothing.
#include <algorithm>
#include <cstdio>
#include <vector>

#include "tests/fuzz/fuzz.h"

int main(int argument_count, char** arguments) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < argument_count; ++i) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) {
        files.push_back(entry.path());
      }
    }
  }
  std::sort(files.begin(), files.end());
  for (const std::filesystem::path& file : files) {
    const auto bytes = luthier::read_file(file);
    LUTHIER_CHECK(bytes.has_value());
    std::fprintf(stderr, "%s\n", file.c_str());  // the last line names the input of a crash
    luthier::fuzz::one_input(*bytes);
  }
  std::printf("%zu inputs\n", files.size());
  return files.empty() ? 1 : 0;
}
