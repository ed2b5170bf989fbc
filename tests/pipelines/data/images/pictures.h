// Small pictures as bytes, for tests.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>

namespace luthier::data::images {

inline std::string big32(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

inline std::string little32(std::uint32_t value) {
  const std::string big = big32(value);
  return {big.rbegin(), big.rend()};
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string hashed = type + data;
  const auto sum = crc32(0, reinterpret_cast<const Bytef*>(hashed.data()), static_cast<uInt>(hashed.size()));
  return big32(static_cast<std::uint32_t>(data.size())) + hashed + big32(static_cast<std::uint32_t>(sum));
}

// `color`: 0 L, 2 RGB, 3 P, 4 LA, 6 RGBA.
inline std::string png(char color, std::uint32_t width = 4, std::uint32_t height = 3, std::size_t data_bytes = 20) {
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", big32(width) + big32(height) + std::string{8, color, 0, 0, 0}) +
         png_chunk("IDAT", std::string(data_bytes, 'x')) + png_chunk("IEND", "");
}

inline std::string jpeg(char components) {
  const std::string comment = std::string("\xff\xfe\x00\x04hi", 6);
  const std::string frame = std::string("\xff\xc2\x00\x0b\x08\x00\x03\x00\x04", 9) + components + "\x01\x11\x02";
  return "\xff\xd8" + comment + "\xff" + frame + std::string("\xff\xc4\x00\x03\x00", 5) +
         std::string("\xff\xda\x00\x04\x00\x00", 6) + "data\xff\xd9";
}

inline std::string webp(const std::string& chunks) {
  return "RIFF" + little32(static_cast<std::uint32_t>(chunks.size() + 4)) + "WEBP" + chunks;
}

inline std::string webp_lossless(bool alpha) {
  return webp("VP8L" + little32(14) + "\x2f" + little32(3U | 2U << 14 | (alpha ? 1U << 28 : 0)) + std::string(9, 'x'));
}

inline std::string webp_lossy() {
  return webp("VP8 " + little32(14) + std::string("\x10\x00\x00\x9d\x01\x2a\x04\x00\x03\x00", 10) + "data");
}

inline std::string webp_extended(char flags) {
  const std::string lossy = webp_lossy().substr(12);
  return webp("VP8X" + little32(10) + flags + std::string(3, '\0') + std::string("\x03\x00\x00\x02\x00\x00", 6) +
              lossy);
}

inline std::string base64(const std::string& bytes) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text += i + j <= bytes.size() ? digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return text;
}

inline std::string data_url(const std::string& bytes) { return "data:image/png;base64," + base64(bytes); }

}  // namespace luthier::data::images
