// A tokenizer.json or .tiktoken file from elsewhere; what loads must encode, place and decode.
#include "pipelines/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

namespace {

void use(const luthier::text::Tokenizer& tokenizer, std::string_view text) {
  const auto encoding = tokenizer.encode_with_ranges(text, {.add_special_tokens = true});
  if (!encoding) {
    return;
  }
  LUTHIER_CHECK(encoding->ids.size() == encoding->ranges.size());
  for (const luthier::text::TextRange range : encoding->ranges) {
    LUTHIER_CHECK(range.begin <= range.end && range.end <= text.size());
  }
  const auto ids = tokenizer.encode(text, {.add_special_tokens = true});
  LUTHIER_CHECK(ids && *ids == encoding->ids);
  (void)tokenizer.decode(*ids, true);
  luthier::text::StreamDecoder stream(tokenizer);
  for (const luthier::text::TokenId id : *ids) {
    (void)stream.push(id);
  }
  (void)stream.finish();
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  const bool json = bytes.substr(0, 1) == "{";
  const auto tokenizer = json ? text::Tokenizer::parse(bytes, bytes.substr(0, bytes.size() / 2))
                              : text::Tokenizer::parse_tiktoken(bytes, "o200k_base");
  if (!tokenizer) {
    LUTHIER_CHECK(!tokenizer.error().message.empty());
    return;
  }
  for (const char* sample : {"", "the cat's 12 mats <s> \n\t e\xcc\x81 \xf0\x9f\x98\x80", "aaaaaaaaaaaaaaaaaaaaaaaab",
                             "  \xe2\x96\x81 A\xef\xac\x81 "}) {
    use(*tokenizer, sample);
  }
}
