// The release that these programs are of. CMakeLists.txt says the same number; tests/cli/reference_test.py compares
// them.
#pragma once

namespace luthier {
inline constexpr const char* kVersion = "0.1.0";
inline constexpr const char* kReleaseDate = "2026-11-21";  // of man pages
}  // namespace luthier
