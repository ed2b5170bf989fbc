// LUTHIER_CHECK: broken invariants stop the program, in release builds too.
// For expected failures (bad input, lost connections) return an Error instead: base/result.h.
#pragma once

namespace luthier::internal {
// Prints "file:line: check failed: expression" on stderr and aborts.
[[noreturn]] void check_failed(const char* file, int line, const char* expression);
}  // namespace luthier::internal

#define LUTHIER_CHECK(condition)                                         \
  do {                                                                   \
    if (!(condition)) [[unlikely]] {                                     \
      ::luthier::internal::check_failed(__FILE__, __LINE__, #condition); \
    }                                                                    \
  } while (false)
