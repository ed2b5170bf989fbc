// SHA-256 (FIPS 180-4) and secure random bytes, by OpenSSL. A module of its own so that base proper needs
// only the standard library.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier {

// Incremental SHA-256. Move-only; finish() may be called once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  // 64 lower-case hexadecimal digits.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Digests are written "sha256:" + 64 lower-case hex digits everywhere outside this module.
[[nodiscard]] std::string sha256_digest(std::string_view bytes);
[[nodiscard]] Result<std::string> sha256_digest_of_file(const std::filesystem::path& path);
[[nodiscard]] bool is_sha256_digest(std::string_view text);

// Adds every digest that stands anywhere in `text`.
void find_sha256_digests(std::string_view text, std::set<std::string>& digests);

// `byte_count` bytes of the operating system's entropy, as lower-case hex.
[[nodiscard]] std::string secure_random_hex(std::size_t byte_count);

// Compares in time that depends on the lengths only.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b);

}  // namespace luthier
