// oracle_tokenize encode|special|decode TOKENIZER: our side of tests/oracle/tokenizing.py, in bulk, on stdin and
// stdout.
//
// All numbers are little-endian. encode and special (with what the post-processor adds) read texts, each a u32 of its
// bytes and the bytes, and write for each: u32 tokens; i32 ids; u32 begin, u32 end for each; u32 bytes of the decoded
// text and the text; u8 1 when the streamed decoding was the same. 0xffffffff and nothing else: the text was refused.
// decode reads lists of ids, each a u32 count and i32 ids, and writes u32 bytes and the text, then the same streamed.
#include <cstdint>
#include <cstring>
#include <iostream>
#include <iterator>
#include <string>

#include "base/check.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {
namespace {

class Reader {
 public:
  explicit Reader(std::string bytes) : bytes_(std::move(bytes)) {}
  [[nodiscard]] bool at_end() const { return offset_ == bytes_.size(); }
  std::uint32_t number() {
    std::uint32_t value = 0;
    const std::string_view from = bytes(sizeof value);
    std::memcpy(&value, from.data(), sizeof value);
    return value;
  }
  std::string_view bytes(std::size_t count) {
    LUTHIER_CHECK(count <= bytes_.size() - offset_);
    offset_ += count;
    return std::string_view(bytes_).substr(offset_ - count, count);
  }

 private:
  std::string bytes_;
  std::size_t offset_ = 0;
};

void put(std::string& out, std::uint32_t value) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  out.append(raw, sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

std::string streamed(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  StreamDecoder decoder(tokenizer);
  std::string text;
  for (const TokenId id : ids) {
    text += decoder.push(id);
  }
  return text + decoder.finish();
}

void encode(const Tokenizer& tokenizer, EncodeOptions options, Reader& in) {
  Encoder encoder(tokenizer);
  Encoding encoding;
  while (!in.at_end()) {
    encoding.ids.clear();
    encoding.ranges.clear();
    const std::string_view text = in.bytes(in.number());
    std::string out;
    if (!encoder.encode(text, options, encoding)) {
      put(out, 0xffffffff);
      std::cout << out;
      continue;
    }
    put(out, static_cast<std::uint32_t>(encoding.ids.size()));
    for (const TokenId id : encoding.ids) {
      put(out, static_cast<std::uint32_t>(id));
    }
    for (const TextRange range : encoding.ranges) {
      put(out, static_cast<std::uint32_t>(range.begin));
      put(out, static_cast<std::uint32_t>(range.end));
    }
    const std::string decoded = tokenizer.decode(encoding.ids);
    put_text(out, decoded);
    out += streamed(tokenizer, encoding.ids) == decoded ? '\1' : '\0';
    std::cout << out;
  }
}

void decode(const Tokenizer& tokenizer, Reader& in) {
  while (!in.at_end()) {
    std::vector<TokenId> ids(in.number());
    for (TokenId& id : ids) {
      id = static_cast<TokenId>(in.number());
    }
    std::string out;
    put_text(out, tokenizer.decode(ids));
    put_text(out, streamed(tokenizer, ids));
    std::cout << out;
  }
}

}  // namespace
}  // namespace luthier::text

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: oracle_tokenize encode|special|decode TOKENIZER\n";
    return 2;
  }
  const auto tokenizer = luthier::text::Tokenizer::load(argv[2]);
  if (!tokenizer) {
    std::cerr << tokenizer.error().message << '\n';
    return 1;
  }
  std::ios::sync_with_stdio(false);
  luthier::text::Reader in(std::string(std::istreambuf_iterator<char>(std::cin), {}));
  const std::string mode = argv[1];
  if (mode == "decode") {
    luthier::text::decode(*tokenizer, in);
  } else {
    luthier::text::encode(*tokenizer, {.add_special_tokens = mode == "special"}, in);
  }
}
