#include "pipelines/text/utf8.h"

#include <cstdint>
#include <cstring>

#include "base/check.h"

namespace luthier::text {
namespace {

struct Scan {
  std::size_t length = 0;  // of the character, or of the ill-formed or incomplete part
  bool well_formed = false;
  bool incomplete = false;  // the text ends before the character does
};

struct LeadByte {
  std::size_t length = 0;  // 0: no character begins with this byte
  unsigned char second_min = 0x80;
  unsigned char second_max = 0xbf;
};

LeadByte classify(unsigned char lead) {
  if (lead < 0x80) {
    return {1};
  }
  if (lead < 0xc2) {
    return {0};
  }
  if (lead < 0xe0) {
    return {2};
  }
  if (lead < 0xf0) {
    return {3, static_cast<unsigned char>(lead == 0xe0 ? 0xa0 : 0x80),
            static_cast<unsigned char>(lead == 0xed ? 0x9f : 0xbf)};
  }
  if (lead < 0xf5) {
    return {4, static_cast<unsigned char>(lead == 0xf0 ? 0x90 : 0x80),
            static_cast<unsigned char>(lead == 0xf4 ? 0x8f : 0xbf)};
  }
  return {0};
}

Scan scan_character(std::string_view bytes, std::size_t offset) {
  const LeadByte lead = classify(static_cast<unsigned char>(bytes[offset]));
  if (lead.length == 0) {
    return {1, false, false};
  }
  for (std::size_t i = 1; i < lead.length; ++i) {
    if (offset + i >= bytes.size()) {
      return {i, false, true};
    }
    const auto byte = static_cast<unsigned char>(bytes[offset + i]);
    const unsigned char least = i == 1 ? lead.second_min : 0x80;
    const unsigned char most = i == 1 ? lead.second_max : 0xbf;
    if (byte < least || byte > most) {
      return {i, false, false};
    }
  }
  return {lead.length, true, false};
}

}  // namespace

std::optional<std::size_t> find_invalid_utf8(std::string_view bytes) {
  std::size_t offset = 0;
  while (offset < bytes.size()) {
    if (offset + 8 <= bytes.size()) {  // eight ASCII bytes at once
      std::uint64_t eight = 0;
      std::memcpy(&eight, bytes.data() + offset, sizeof eight);
      if ((eight & 0x8080808080808080ULL) == 0) {
        offset += 8;
        continue;
      }
    }
    if (static_cast<unsigned char>(bytes[offset]) < 0x80) {
      ++offset;
      continue;
    }
    const Scan scan = scan_character(bytes, offset);
    if (!scan.well_formed) {
      return offset;
    }
    offset += scan.length;
  }
  return std::nullopt;
}

std::string replace_invalid_utf8(std::string_view bytes) {
  Utf8Stream stream;
  std::string text = stream.push(bytes);
  text += stream.finish();
  return text;
}

void append_utf8(std::string& text, char32_t code_point) {
  const auto put = [&](char32_t byte) { text.push_back(static_cast<char>(static_cast<unsigned char>(byte))); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3f));
  } else if (code_point < 0x10000) {
    put(0xe0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  } else {
    LUTHIER_CHECK(code_point < 0x110000);
    put(0xf0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3f));
    put(0x80 | ((code_point >> 6) & 0x3f));
    put(0x80 | (code_point & 0x3f));
  }
}

std::size_t character_length(std::string_view text, std::size_t offset) {
  LUTHIER_CHECK(offset < text.size());
  const Scan scan = scan_character(text, offset);
  LUTHIER_CHECK(scan.well_formed);
  return scan.length;
}

std::string Utf8Stream::push(std::string_view bytes) {
  std::string joined;
  if (!held_.empty()) {
    joined = held_ + std::string(bytes);
    held_.clear();
    bytes = joined;
  }
  std::string text;
  text.reserve(bytes.size());
  for (std::size_t offset = 0; offset < bytes.size();) {
    const Scan scan = scan_character(bytes, offset);
    if (scan.incomplete) {
      held_ = bytes.substr(offset);
      break;
    }
    text += scan.well_formed ? bytes.substr(offset, scan.length) : kReplacementCharacter;
    offset += scan.length;
  }
  return text;
}

std::string Utf8Stream::finish() {
  if (held_.empty()) {
    return {};
  }
  held_.clear();
  return std::string(kReplacementCharacter);
}

}  // namespace luthier::text
