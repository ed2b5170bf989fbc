// Manifest: the list of files that makes an artifact, and its canonical JSON, whose SHA-256 names the artifact.
// Shared by controller, agents and command line. Pure but for manifest_of_folder().
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::artifact {

struct FileEntry {
  std::string path;    // relative, '/'-separated, no "..", no empty part; sorted within a manifest
  std::string digest;  // "sha256:…"
  std::uint64_t bytes = 0;
  bool executable = false;
  friend bool operator==(const FileEntry&, const FileEntry&) = default;
};

// A folder. `kind` as in docs/worker-protocol.md ("dataset", "model"…).
struct Manifest {
  std::string kind;
  std::vector<FileEntry> files;
  friend bool operator==(const Manifest&, const Manifest&) = default;
};

// Canonical JSON: {"files":[{"bytes":1,"digest":"sha256:…","path":"a"}],"kind":"dataset"}, files sorted by path, no
// spaces; "executable":true only where it is.
[[nodiscard]] std::string manifest_to_json(const Manifest& manifest);
// Untrusted input: refuses unsafe paths, repeats, malformed digests, more than 100,000 files.
[[nodiscard]] Result<Manifest> manifest_from_json(std::string_view text);
[[nodiscard]] std::string manifest_digest(const Manifest& manifest);

// Whether a relative path may be written below a folder: no "..", no absolute path, no empty part, no control bytes.
[[nodiscard]] bool is_safe_path(std::string_view path);

// Hashes every regular file below `folder` (or the one file, when `folder` is a file: its name is the path). Symbolic
// links and special files are refused by name; an empty folder too.
[[nodiscard]] Result<Manifest> manifest_of_folder(const std::filesystem::path& folder, const std::string& kind);

}  // namespace luthier::artifact
