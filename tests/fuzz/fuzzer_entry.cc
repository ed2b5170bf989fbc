#include <cstddef>
#include <cstdint>

#include "tests/fuzz/fuzz.h"

// The name that libFuzzer calls.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  luthier::fuzz::one_input({reinterpret_cast<const char*>(data), size});
  return 0;
}
