#include "pipelines/text/decoder.h"

#include <optional>
#include <utility>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t found = text.find(from); found != std::string::npos; found = text.find(from, found + to.size())) {
    text.replace(found, from.size(), to);
  }
}

int hexadecimal_digit(char c) {
  return c >= '0' && c <= '9'   ? c - '0'
         : c >= 'A' && c <= 'F' ? c - 'A' + 10
         : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                : -1;
}

std::optional<char> fallback_byte(std::string_view token) {
  if (token.size() != 6 || token.substr(0, 3) != "<0x" || token[5] != '>') {
    return std::nullopt;
  }
  const int high = hexadecimal_digit(token[3]);
  const int low = hexadecimal_digit(token[4]);
  if (high < 0 || low < 0) {
    return std::nullopt;
  }
  return static_cast<char>(static_cast<unsigned char>(high * 16 + low));
}

}  // namespace

std::string Decoder::token_bytes(std::string_view token) const {
  if (byte_level) {
    return from_byte_level(token).value_or(std::string(token));
  }
  std::string bytes(token);
  for (const auto& [from, to] : replacements) {
    replace_all(bytes, from, to);
  }
  if (byte_fallback) {
    if (const auto byte = fallback_byte(bytes)) {
      return {*byte};
    }
  }
  return bytes;
}

bool Decoder::is_byte(std::string_view token) const { return byte_fallback && fallback_byte(token).has_value(); }

void TokenJoiner::add(std::string_view token, std::string_view bytes, bool hold) {
  const bool first = std::exchange(first_, false);
  if (hold) {
    run_ += bytes;
    return;
  }
  end_run();
  if (first && !decoder_.drop_in_first_token.empty()) {
    std::string kept(token);
    replace_all(kept, decoder_.drop_in_first_token, "");
    append(kept);
  } else {
    append(bytes);
  }
}

std::string TokenJoiner::take() { return std::exchange(text_, {}); }

std::string TokenJoiner::finish() {
  end_run();
  return take();
}

void TokenJoiner::end_run() {
  if (find_invalid_utf8(run_).has_value()) {
    for (std::size_t i = 0; i < run_.size(); ++i) {
      append(kReplacementCharacter);
    }
  } else {
    append(run_);
  }
  run_.clear();
}

void TokenJoiner::append(std::string_view bytes) {
  while (strip_left_ > 0 && !bytes.empty()) {
    if (bytes.substr(0, decoder_.strip_content.size()) != decoder_.strip_content) {
      strip_left_ = 0;
      break;
    }
    bytes.remove_prefix(decoder_.strip_content.size());
    --strip_left_;
  }
  text_ += bytes;
}

}  // namespace luthier::text
