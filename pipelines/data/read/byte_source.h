// ByteSource: bytes in order, from a file or from memory, expanded when they are gzip or zstd.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::data::read {

// What a compressed file may become. Memory is bounded whatever these say; they bound time and disk.
struct ExpansionLimits {
  std::uint64_t bytes_max = std::uint64_t{64} << 30;
  std::uint64_t ratio_max = 200;  // of what was read to what came of it, looked at beyond the first 64 MiB
};

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to `size` bytes at `target`; 0: the end. After an Error there is nothing more.
  [[nodiscard]] virtual Result<std::size_t> read(char* target, std::size_t size) = 0;
};

// The file at `path`; kNotFound. A folder or a device is kInvalidArgument.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> open_file(const std::filesystem::path& path);
// A copy of `bytes`; `chunk`: at most so many in one read (0: no bound), to test borders.
[[nodiscard]] std::unique_ptr<ByteSource> from_memory(std::string bytes, std::size_t chunk = 0);

// `source`, or what it expands to when it begins as gzip (all members of it) or zstd (all frames). kInvalidArgument:
// broken or cut compressed data; kResourceExhausted: more than `limits`. `name` begins the messages.
[[nodiscard]] Result<std::unique_ptr<ByteSource>> expand(std::unique_ptr<ByteSource> source, std::string name,
                                                         ExpansionLimits limits);

// Reads until `size` bytes are there or the end has come, so that borders do not hang on how the system cuts reads.
[[nodiscard]] Result<std::size_t> read_fully(ByteSource& source, char* target, std::size_t size);

// `source` without its byte order mark. kInvalidArgument, with the remedy, for UTF-16 and for what is no text.
// `head`: is set to how the text begins (at most kHeadBytes).
inline constexpr std::size_t kHeadBytes = std::size_t{64} << 10;
[[nodiscard]] Result<std::unique_ptr<ByteSource>> as_text(std::unique_ptr<ByteSource> source, const std::string& name,
                                                          std::string& head);

}  // namespace luthier::data::read
