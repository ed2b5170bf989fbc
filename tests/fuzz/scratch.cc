#include <fstream>

#include "tests/fuzz/fuzz.h"

namespace luthier::fuzz {

std::filesystem::path ScratchFolder::write(const std::filesystem::path& name, std::string_view bytes) const {
  const std::filesystem::path path = path_ / name;
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary | std::ios::trunc);  // not durable: thousands are written each second
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  LUTHIER_CHECK(file.good());
  return path;
}

}  // namespace luthier::fuzz
