#include "pipelines/text/byte_level.h"

#include <cstdint>

#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

constexpr char32_t kFirstStandIn = 0x100;
constexpr std::size_t kStandIns = 68;

bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct Alphabet {
  std::array<std::string, 256> characters;
  std::array<std::int16_t, kFirstStandIn + kStandIns> bytes{};  // by code point; -1: none

  Alphabet() {
    bytes.fill(-1);
    char32_t next = kFirstStandIn;
    for (unsigned byte = 0; byte < 256; ++byte) {
      const char32_t code_point = stands_for_itself(byte) ? char32_t{byte} : next++;
      append_utf8(characters[byte], code_point);
      bytes[code_point] = static_cast<std::int16_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;  // a constant table
  return instance;
}

}  // namespace

const std::array<std::string, 256>& byte_level_alphabet() { return alphabet().characters; }

std::string to_byte_level(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += alphabet().characters[static_cast<unsigned char>(byte)];
  }
  return text;
}

std::optional<std::string> from_byte_level(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Every character of the alphabet has one or two bytes.
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t code_point = lead;
    if (lead >= 0x80) {
      if ((lead & 0xe0) != 0xc0 || i + 1 >= text.size()) {
        return std::nullopt;
      }
      code_point = (std::size_t{lead} & 0x1f) << 6 | (static_cast<unsigned char>(text[++i]) & 0x3f);
    }
    if (code_point >= alphabet().bytes.size() || alphabet().bytes[code_point] < 0) {
      return std::nullopt;
    }
    bytes.push_back(static_cast<char>(static_cast<unsigned char>(alphabet().bytes[code_point])));
  }
  return bytes;
}

}  // namespace luthier::text
