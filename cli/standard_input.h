// StandardInput: what comes on stdin as a file, for commands that read their data more than once. `-` names it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace luthier::cli {

inline constexpr const char* kStandardInput = "-";

class StandardInput {
 public:
  // Copies all of stdin to a temporary file without a name in `folder` (empty: the system's). kInvalidArgument: stdin
  // is a terminal, or nothing comes. kResourceExhausted: the disk is full.
  [[nodiscard]] static Result<StandardInput> spool(std::filesystem::path folder);

  // Opens the file, while this object lives.
  [[nodiscard]] std::filesystem::path path() const;
  // "jsonl" for what begins like JSON; else kInvalidArgument, which asks for --format.
  [[nodiscard]] Result<std::string> format() const;

 private:
  StandardInput(UniqueFd fd, char first) : fd_(std::move(fd)), first_(first) {}
  UniqueFd fd_;
  char first_;  // the first byte that is no white space
};

}  // namespace luthier::cli
