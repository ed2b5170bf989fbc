// SampleMaker: records to samples of tokens, with what of them is learned. One per thread.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/example.h"
#include "pipelines/data/tokens/record_tokens.h"
#include "pipelines/pack/shard.h"

namespace luthier::data::pack {

// Why a record gives no sample.
enum class Dropped {
  kNo,
  kNothingTrained,  // no answer in it, or none with a weight
  kCutAway,         // what is trained lies beyond what a row holds
  kTooShort,        // a single token, which nothing comes before
};
[[nodiscard]] std::string_view name_of(Dropped reason);     // "nothing_trained", …
[[nodiscard]] std::string_view meaning_of(Dropped reason);  // for people

struct MadeSamples {
  std::vector<luthier::pack::Sample> samples;  // several of one id for a text that was cut
  bool chat = false;
  bool truncated = false;
  Dropped dropped = Dropped::kNo;
  std::vector<std::string> notes;  // what was changed so that the template took a chat
};

class SampleMaker {
 public:
  // `model` must outlive it and have a tokenizer; `end` is written after pairs and texts.
  SampleMaker(const tokens::ModelText& model, text::ChatOptions options, text::TokenId end, std::uint32_t budget)
      : tokenizer_(model, std::move(options), end), budget_(budget) {}

  // kInvalidArgument, kFailedPrecondition: what is wrong with the record.
  [[nodiscard]] Result<MadeSamples> make(const read::Example& example);

 private:
  tokens::RecordTokenizer tokenizer_;
  std::uint32_t budget_;
};

}  // namespace luthier::data::pack
