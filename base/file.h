// Whole-file helpers with durability spelled out. All return an Error that names the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier {

// Reads a whole file; kResourceExhausted when it is larger than `bytes_max`.
[[nodiscard]] Result<std::string> read_file(const std::filesystem::path& path,
                                            std::uint64_t bytes_max = std::uint64_t{1} << 30);

// Writes `content` to a temporary name beside `path`, fsyncs it, renames it over `path` and fsyncs the
// folder: after a crash the file holds the old or the new content, never a mixture. `mode` as in chmod.
[[nodiscard]] Result<void> write_file_atomically(const std::filesystem::path& path, std::string_view content,
                                                 unsigned mode = 0644);

// The same without waiting for the disk: atomic for every reader and when this process dies, but not when the machine
// does. For what is worthless after a reboot.
[[nodiscard]] Result<void> replace_file(const std::filesystem::path& path, std::string_view content,
                                        unsigned mode = 0644);

// Makes renames and new names in `folder` durable.
[[nodiscard]] Result<void> sync_folder(const std::filesystem::path& folder);

// Writes all of `bytes` to `fd`, through short writes and EINTR.
[[nodiscard]] Result<void> write_all(int fd, std::string_view bytes);

// mkdir -p.
[[nodiscard]] Result<void> create_folders(const std::filesystem::path& path);

}  // namespace luthier
