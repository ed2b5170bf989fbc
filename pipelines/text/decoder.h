// Decoder: what tokens become when they are put together again, as the `decoder` member of a tokenizer.json says.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace luthier::text {

struct Decoder {
  bool byte_level = true;  // tokens are bytes; what follows is for tokens that are text
  std::vector<std::pair<std::string, std::string>> replacements;  // in each token, in this order
  bool byte_fallback = false;                                     // <0xE4> is a byte
  // The first token's replaced spaces are dropped (Metaspace, which put one before the text).
  std::string drop_in_first_token;
  std::string strip_content;    // one character, removed from the beginning of the whole
  std::size_t strip_count = 0;  // at most so often

  // The text or byte that a token stands for.
  [[nodiscard]] std::string token_bytes(std::string_view token) const;
  // Whether the token is a single byte of a character that has no token.
  [[nodiscard]] bool is_byte(std::string_view token) const;
};

// Puts decoded tokens together. Its Decoder must outlive it.
class TokenJoiner {
 public:
  explicit TokenJoiner(const Decoder& decoder) : decoder_(decoder), strip_left_(decoder.strip_count) {}
  // `hold`: the bytes are part of a run, which is judged as a whole when it ends: it stays when it is UTF-8, else every
  // byte of it becomes U+FFFD.
  void add(std::string_view token, std::string_view bytes, bool hold);
  // What has come since the last call, without what is held.
  [[nodiscard]] std::string take();
  // The same with what is held.
  [[nodiscard]] std::string finish();

 private:
  void end_run();
  void append(std::string_view bytes);

  const Decoder& decoder_;
  std::string text_;
  std::string run_;
  std::size_t strip_left_;  // how many characters may still be stripped
  bool first_ = true;
};

}  // namespace luthier::text
