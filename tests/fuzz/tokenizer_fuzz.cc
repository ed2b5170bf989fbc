// A tokenizer.json from elsewhere; what loads must encode and decode.
#include "pipelines/text/tokenizer.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  const auto tokenizer = text::Tokenizer::parse(bytes, bytes.substr(0, bytes.size() / 2));
  if (!tokenizer) {
    LUTHIER_CHECK(!tokenizer.error().message.empty());
    return;
  }
  for (const char* sample :
       {"", "the cat's 12 mats <s> \n\t e\xcc\x81 \xf0\x9f\x98\x80", "aaaaaaaaaaaaaaaaaaaaaaaab"}) {
    const auto ids = tokenizer->encode(sample, {.add_special_tokens = true});
    if (ids) {
      (void)tokenizer->decode(*ids, true);
    }
  }
}
