#include "base/digest/digest.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "base/unique_fd.h"

namespace luthier {
namespace {

std::string to_hex(const unsigned char* bytes, std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    hex += kDigits[bytes[i] >> 4];
    hex += kDigits[bytes[i] & 15];
  }
  return hex;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  LUTHIER_CHECK(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  LUTHIER_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1);
}

std::string Sha256::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  LUTHIER_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1);
  return to_hex(digest.data(), length);
}

std::string sha256_digest(std::string_view bytes) {
  Sha256 hash;
  hash.update(bytes);
  return "sha256:" + hash.finish();
}

Result<std::string> sha256_digest_of_file(const std::filesystem::path& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) {
    return Error{ErrorCode::kNotFound, "cannot open " + path.string() + ": " + std::strerror(errno)};
  }
  Sha256 hash;
  std::string buffer(std::size_t{1} << 20, '\0');
  while (true) {
    const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      return Error{ErrorCode::kInternal, "cannot read " + path.string() + ": " + std::strerror(errno)};
    }
    if (count == 0) {
      return "sha256:" + hash.finish();
    }
    hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(count)));
  }
}

bool is_sha256_digest(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.size() != kPrefix.size() + 64 || text.substr(0, kPrefix.size()) != kPrefix) {
    return false;
  }
  return text.substr(kPrefix.size()).find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void find_sha256_digests(std::string_view text, std::set<std::string>& digests) {
  constexpr std::string_view kPrefix = "sha256:";
  constexpr std::size_t kDigestCharacters = kPrefix.size() + 64;
  for (std::size_t at = text.find(kPrefix); at != std::string_view::npos; at = text.find(kPrefix, at + 1)) {
    const std::string_view digest = text.substr(at, kDigestCharacters);
    if (is_sha256_digest(digest)) {
      digests.emplace(digest);
    }
  }
}

std::string secure_random_hex(std::size_t byte_count) {
  std::string bytes(byte_count, '\0');
  auto* data = reinterpret_cast<unsigned char*>(bytes.data());
  LUTHIER_CHECK(RAND_bytes(data, static_cast<int>(byte_count)) == 1);
  return to_hex(data, byte_count);
}

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace luthier
