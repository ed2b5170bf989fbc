#include "pipelines/data/images/image_header.h"

#include <zlib.h>

#include <array>
#include <utility>

namespace luthier::data::images {
namespace {

Error wrong(const std::string& problem) { return {ErrorCode::kInvalidArgument, problem}; }

// Numbers out of bytes; beyond the end all bytes are zero, and `has` tells.
class Bytes {
 public:
  explicit Bytes(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool has(std::size_t at, std::size_t count) const {
    return at <= bytes_.size() && count <= bytes_.size() - at;
  }
  [[nodiscard]] std::uint32_t byte(std::size_t at) const {
    return at < bytes_.size() ? static_cast<unsigned char>(bytes_[at]) : 0;
  }
  [[nodiscard]] std::uint32_t big16(std::size_t at) const { return byte(at) << 8 | byte(at + 1); }
  [[nodiscard]] std::uint32_t big32(std::size_t at) const { return big16(at) << 16 | big16(at + 2); }
  [[nodiscard]] std::uint32_t little16(std::size_t at) const { return byte(at + 1) << 8 | byte(at); }
  [[nodiscard]] std::uint32_t little24(std::size_t at) const { return byte(at + 2) << 16 | little16(at); }
  [[nodiscard]] std::uint32_t little32(std::size_t at) const { return little16(at + 2) << 16 | little16(at); }
  [[nodiscard]] std::string_view text(std::size_t at, std::size_t count) const {
    return has(at, count) ? bytes_.substr(at, count) : std::string_view();
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

Result<ImageHeader> checked(ImageHeader header) {
  if (header.width == 0 || header.height == 0) {
    return wrong("a damaged " + std::string(name_of(header.format)) + ": it has no width or height");
  }
  return header;
}

Result<ImageHeader> read_png(const Bytes& bytes) {
  constexpr std::size_t kFirstChunk = 8;
  constexpr std::size_t kAround = 12;  // length, type and checksum of a chunk
  if (!bytes.has(kFirstChunk, kAround + 13) || bytes.text(kFirstChunk + 4, 4) != "IHDR" ||
      bytes.big32(kFirstChunk) != 13) {
    return wrong("a damaged PNG: it does not begin with its header");
  }
  const std::string_view hashed = bytes.text(kFirstChunk + 4, 17);
  const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(hashed.data()), static_cast<uInt>(hashed.size()));
  if (sum != bytes.big32(kFirstChunk + 21)) {
    return wrong("a damaged PNG: the checksum of its header is wrong");
  }
  bool has_data = false;
  for (std::size_t at = kFirstChunk; bytes.has(at, kAround); at += kAround + bytes.big32(at)) {
    const std::string_view type = bytes.text(at + 4, 4);
    has_data = has_data || type == "IDAT";
    if (type == "IEND") {
      constexpr std::array<const char*, 7> kModes{"L", "", "RGB", "P", "LA", "", "RGBA"};
      const std::uint32_t color = bytes.byte(25);
      if (!has_data || color >= kModes.size() || *kModes[color] == 0) {
        return wrong("a damaged PNG: it has no picture in it");
      }
      return checked({ImageFormat::kPng, kModes[color], bytes.big32(16), bytes.big32(20)});
    }
  }
  return wrong("a PNG that is cut off");
}

Result<ImageHeader> read_jpeg(const Bytes& bytes) {
  ImageHeader header;
  for (std::size_t at = 2; bytes.has(at, 4);) {
    if (bytes.byte(at) != 0xff) {
      return wrong("a damaged JPEG: no marker where one must stand");
    }
    const std::uint32_t marker = bytes.byte(at + 1);
    if (marker == 0xff) {  // filler
      ++at;
      continue;
    }
    if (marker == 0xd9) {
      break;
    }
    if (marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7)) {
      at += 2;
      continue;
    }
    const std::uint32_t length = bytes.big16(at + 2);
    if (length < 2 || !bytes.has(at + 2, length)) {
      return wrong("a JPEG that is cut off or damaged");
    }
    if (marker == 0xda) {  // the picture itself begins
      return header.mode.empty() ? wrong("a damaged JPEG: it has no frame") : checked(header);
    }
    const bool frame = marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
    if (frame && length >= 8) {
      const std::uint32_t components = bytes.byte(at + 9);
      header.height = bytes.big16(at + 5);
      header.width = bytes.big16(at + 7);
      header.mode = components == 1 ? "L" : components == 3 ? "RGB" : components == 4 ? "CMYK" : "";
    }
    at += 2 + length;
  }
  return wrong("a JPEG that is cut off");
}

// The parts of a WEBP after one of type VP8X: whether one of them is the picture.
bool has_picture(const Bytes& bytes, std::size_t at) {
  while (bytes.has(at, 8)) {
    const std::string_view type = bytes.text(at, 4);
    const std::size_t length = bytes.little32(at + 4);
    if (type == "VP8 " || type == "VP8L") {
      return bytes.has(at + 8, length);
    }
    at += 8 + length + (length & 1);
  }
  return false;
}

Result<ImageHeader> read_webp(const Bytes& bytes) {
  const std::string_view type = bytes.text(12, 4);
  ImageHeader header{ImageFormat::kWebp, "RGB", 0, 0};
  if (!bytes.has(8, bytes.little32(4)) || !bytes.has(12, 18)) {
    return wrong("a WEBP that is cut off");
  }
  if (type == "VP8X") {
    if ((bytes.byte(20) & 0x02) != 0) {
      return wrong("an animated WEBP; take one picture out of it");
    }
    header.mode = (bytes.byte(20) & 0x10) != 0 ? "RGBA" : "RGB";
    header.width = bytes.little24(24) + 1;
    header.height = bytes.little24(27) + 1;
    return has_picture(bytes, 12 + 8 + bytes.little32(16))
               ? checked(header)
               : Result<ImageHeader>(wrong("a damaged WEBP: no picture in it"));
  }
  if (type == "VP8L" && bytes.byte(20) == 0x2f) {
    const std::uint32_t bits = bytes.little32(21);
    header.mode = (bits >> 28 & 1) != 0 ? "RGBA" : "RGB";
    header.width = (bits & 0x3fff) + 1;
    header.height = (bits >> 14 & 0x3fff) + 1;
    return checked(header);
  }
  if (type == "VP8 " && bytes.text(23, 3) == "\x9d\x01\x2a") {
    header.width = bytes.little16(26) & 0x3fff;
    header.height = bytes.little16(28) & 0x3fff;
    return checked(header);
  }
  return wrong("a damaged WEBP: no picture in it");
}

std::string what_is(std::string_view bytes) {
  constexpr std::array<std::pair<std::string_view, const char*>, 8> kOthers{{{"GIF8", "a GIF"},
                                                                             {"BM", "a BMP"},
                                                                             {"II*", "a TIFF"},
                                                                             {"MM", "a TIFF"},
                                                                             {"%PDF", "a PDF"},
                                                                             {"<svg", "an SVG"},
                                                                             {"<?xml", "XML (an SVG?)"},
                                                                             {"<", "a web page"}}};
  if (bytes.substr(std::min<std::size_t>(bytes.size(), 4), 4) == "ftyp") {
    return "a HEIC, AVIF or video";
  }
  for (const auto& [start, name] : kOthers) {
    if (bytes.starts_with(start)) {
      return name;
    }
  }
  return bytes.empty() ? "empty" : "no image of a known format";
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kJpeg: return "JPEG";
    case ImageFormat::kPng: return "PNG";
    case ImageFormat::kWebp: return "WEBP";
  }
  return "";
}

Result<ImageHeader> read_image_header(std::string_view bytes) {
  if (bytes.starts_with("\x89PNG\r\n\x1a\n")) {
    return read_png(Bytes(bytes));
  }
  if (bytes.starts_with("\xff\xd8")) {
    return read_jpeg(Bytes(bytes));
  }
  if (bytes.starts_with("RIFF") && bytes.substr(std::min<std::size_t>(bytes.size(), 8), 4) == "WEBP") {
    return read_webp(Bytes(bytes));
  }
  return wrong(what_is(bytes) + "; JPEG, PNG and WEBP are taken");
}

Result<std::string> decode_data_url(std::string_view url, std::size_t bytes_max) {
  constexpr std::string_view kScheme = "data:";
  constexpr std::string_view kBase64 = ";base64";
  const std::size_t comma = url.find(',');
  if (!url.starts_with(kScheme) || comma == std::string_view::npos || !url.substr(0, comma).ends_with(kBase64)) {
    return wrong("not of the form data:image/png;base64,…");
  }
  std::string_view text = url.substr(comma + 1);
  while (text.ends_with('=')) {
    text.remove_suffix(1);
  }
  if (text.size() / 4 * 3 > bytes_max) {
    return Error{ErrorCode::kResourceExhausted, "about " + std::to_string(text.size() * 3 / 4 / 1'000'000) + " MB"};
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 3);
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const int digit = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+' || c == '-' ? 62
                      : c == '/' || c == '_' ? 63
                                             : -1;
    if (digit < 0) {
      return wrong("character " + std::to_string(comma + 2 + i) + " of the URL is not base64");
    }
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 0) {
      bytes += static_cast<char>(bits >> (6 - 2 * (i % 4)) & 0xff);
    }
  }
  return text.size() % 4 == 1 ? Result<std::string>(wrong("the base64 is cut off")) : std::move(bytes);
}

}  // namespace luthier::data::images
