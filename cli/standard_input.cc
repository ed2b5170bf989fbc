#include "cli/standard_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "cli/terminal.h"

namespace luthier::cli {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{256} << 10;

Result<UniqueFd> make_unnamed(std::filesystem::path folder) {
  std::error_code error;
  folder = folder.empty() ? std::filesystem::temp_directory_path(error) : folder;
  std::string name = (folder / "luthier-stdin-XXXXXX").string();
  UniqueFd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd.valid()) {
    return Error{ErrorCode::kUnavailable,
                 "a temporary file in " + folder.string() + " cannot be made: " + std::strerror(errno)};
  }
  (void)::unlink(name.c_str());
  return fd;
}

}  // namespace

Result<StandardInput> StandardInput::spool(std::filesystem::path folder) {
  if (is_terminal(STDIN_FILENO)) {
    return Error{ErrorCode::kInvalidArgument, "- reads stdin, which is a terminal: pipe data into it, or name a file"};
  }
  LUTHIER_TRY(UniqueFd fd, make_unnamed(std::move(folder)));
  std::string piece(kPieceBytes, '\0');
  char first = ' ';
  while (true) {
    const ssize_t got = ::read(STDIN_FILENO, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return Error{ErrorCode::kUnavailable, std::string("reading stdin: ") + std::strerror(errno)};
    }
    if (got == 0) {
      break;
    }
    const std::string_view bytes = std::string_view(piece).substr(0, static_cast<std::size_t>(got));
    auto written = write_all(fd.get(), bytes);
    if (!written) {
      return std::move(written).error().with(
          "what comes on stdin is kept in a temporary file; TMPDIR names its folder");
    }
    const std::size_t at = first == ' ' ? bytes.find_first_not_of(" \t\r\n\xef\xbb\xbf") : std::string_view::npos;
    first = at == std::string_view::npos ? first : bytes[at];
  }
  if (first == ' ') {
    return Error{ErrorCode::kInvalidArgument, "nothing came on stdin"};
  }
  return StandardInput(std::move(fd), first);
}

std::filesystem::path StandardInput::path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }

Result<std::string> StandardInput::format() const {
  if (first_ == '{' || first_ == '[') {
    return std::string("jsonl");
  }
  return Error{ErrorCode::kInvalidArgument,
               "what comes on stdin has no name that says its format; say --format csv, tsv, json, jsonl, txt or xlsx"};
}

}  // namespace luthier::cli
