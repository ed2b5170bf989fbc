// SampleMaker: records to samples of tokens, with what of them is learned. One per thread.
#pragma once

#include <vector>

#include "base/result.h"
#include "pipelines/data/read/example.h"
#include "pipelines/pack/shard.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::data::pack {

struct MadeSamples {
  std::vector<luthier::pack::Sample> samples;  // several of one id for a text that was cut
  bool truncated = false;
};

class SampleMaker {
 public:
  SampleMaker(const text::Tokenizer& tokenizer, text::TokenId end, std::uint32_t budget)
      : prefix_(tokenizer.prefix_ids()), encoder_(tokenizer), end_(end), budget_(budget) {}

  // kInvalidArgument: what is wrong with the record.
  [[nodiscard]] Result<MadeSamples> make(const read::Example& example);

 private:
  Result<MadeSamples> make_pair(const std::string& prompt, const std::string& completion, std::uint64_t id);
  Result<MadeSamples> make_text(const std::string& text, std::uint64_t id);

  std::vector<text::TokenId> prefix_;
  text::Encoder encoder_;
  text::TokenId end_;
  std::uint32_t budget_;
};

}  // namespace luthier::data::pack
