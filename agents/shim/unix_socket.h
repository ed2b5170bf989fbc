// Unix stream sockets that carry newline-delimited JSON. All descriptors are non-blocking and close-on-exec.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::shim {

// Longest path that fits into a socket address.
inline constexpr std::size_t kSocketPathBytesMax = 107;

// Replaces a socket file that is there. kInvalidArgument when the path is too long.
[[nodiscard]] Result<UniqueFd> listen_unix(const std::filesystem::path& path);
// kUnavailable when nobody listens.
[[nodiscard]] Result<UniqueFd> connect_unix(const std::filesystem::path& path);
// An invalid descriptor when nobody waits.
[[nodiscard]] UniqueFd accept_unix(const UniqueFd& listener);

// Cuts a stream of bytes into lines, holding at most `line_bytes_max` of an unfinished one.
class LineBuffer {
 public:
  explicit LineBuffer(std::size_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  // Calls `on_line` (without the newline) for every line that `bytes` completes, and `on_oversized` once for every
  // line that was too long and is dropped.
  void feed(std::string_view bytes, const std::function<void(std::string_view)>& on_line,
            const std::function<void()>& on_oversized);

 private:
  std::size_t line_bytes_max_;
  std::string partial_;
  bool dropping_ = false;
};

enum class ReadState { kData, kNothing, kClosed };

// One read() into `buffer`; on kData `count` bytes are there.
[[nodiscard]] ReadState read_some(int fd, std::string& buffer, std::size_t& count);

// Sends what the socket takes now and removes it from `pending`. False when the peer is gone.
[[nodiscard]] bool send_some(int fd, std::string& pending);

}  // namespace luthier::shim
