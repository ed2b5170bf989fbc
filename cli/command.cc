#include "cli/command.h"

#include <cstdio>
#include <cstdlib>

namespace luthier::cli {

int report(const Error& error) {
  std::fprintf(stderr, "luthier: %s\n", error.message.c_str());
  switch (error.code) {
    case ErrorCode::kInvalidArgument: return kExitUsage;
    case ErrorCode::kUnavailable: return kExitUnreachable;
    default: return kExitFailure;
  }
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == 0) {
    return std::nullopt;
  }
  return value;
}

}  // namespace luthier::cli
