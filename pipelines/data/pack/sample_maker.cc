#include "pipelines/data/pack/sample_maker.h"

#include <algorithm>

namespace luthier::data::pack {
namespace {

using luthier::pack::Sample;
using text::TokenId;

using Ids = std::vector<TokenId>;

Ids part_of(const Ids& ids, std::size_t begin, std::size_t end) {
  return {ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.begin() + static_cast<std::ptrdiff_t>(end)};
}

// A pair that is too long loses the beginning of its prompt, then the end of its completion, as in training
// (agents/worker/formats/dataset.h).
bool keep_answer(Sample& sample, std::size_t budget) {
  if (sample.tokens.size() <= budget) {
    return false;
  }
  const auto asked =
      static_cast<std::size_t>(std::find(sample.trained.begin(), sample.trained.end(), true) - sample.trained.begin());
  const std::size_t answered = std::min(sample.tokens.size() - asked, budget - 1);
  const std::size_t kept = std::min(asked, budget - answered);
  sample.tokens = part_of(sample.tokens, asked - kept, asked + answered);
  sample.trained.assign(kept, false);
  sample.trained.resize(kept + answered, true);
  return true;
}

// Neighbouring parts share one token, so that every token but the first is asked for once.
std::vector<Sample> cut_text(Sample whole, std::size_t budget) {
  if (whole.tokens.size() <= budget) {
    return {std::move(whole)};
  }
  std::vector<Sample> parts;
  for (std::size_t begin = 0; begin + 1 < whole.tokens.size(); begin += budget - 1) {
    const std::size_t end = std::min(whole.tokens.size(), begin + budget);
    parts.push_back({whole.id, part_of(whole.tokens, begin, end), std::vector<bool>(end - begin, true)});
  }
  return parts;
}

Dropped why_dropped(bool trained_before, const Sample& sample) {
  if (text::learns_anything(sample.trained)) {
    return Dropped::kNo;
  }
  return sample.tokens.size() < 2 ? Dropped::kTooShort : trained_before ? Dropped::kCutAway : Dropped::kNothingTrained;
}

}  // namespace

std::string_view name_of(Dropped reason) {
  switch (reason) {
    case Dropped::kNo: return "";
    case Dropped::kNothingTrained: return "nothing_trained";
    case Dropped::kCutAway: return "cut_away";
    case Dropped::kTooShort: return "too_short";
  }
  return "";
}

std::string_view meaning_of(Dropped reason) {
  switch (reason) {
    case Dropped::kNo: return "";
    case Dropped::kNothingTrained: return "nothing in them is trained";
    case Dropped::kCutAway: return "what is trained lies beyond the end of a row";
    case Dropped::kTooShort: return "they have a single token, which nothing comes before";
  }
  return "";
}

Result<MadeSamples> SampleMaker::make(const read::Example& example) {
  const read::RecordKind kind = read::kind_of(example.value);
  if (kind == read::RecordKind::kPreference || kind == read::RecordKind::kGraderData) {
    return Error{ErrorCode::kInvalidArgument, "a record of kind " + std::string(name_of(kind)) +
                                                  " cannot be packed: it has not one answer to learn, but " +
                                                  (kind == read::RecordKind::kPreference ? "two" : "none")};
  }
  LUTHIER_TRY(tokens::RecordTokens read, tokenizer_.tokens_of(example.value));
  MadeSamples made;
  made.chat = read.kind == read::RecordKind::kChat;
  made.notes = std::move(read.chat.notes);
  Sample sample{static_cast<std::uint64_t>(example.ordinal), std::move(read.tokens.ids), std::move(read.trained)};
  const bool learns = text::learns_anything(sample.trained);
  if (read.kind == read::RecordKind::kText) {
    made.samples = cut_text(std::move(sample), budget_);
  } else {
    made.truncated = read.kind == read::RecordKind::kChat ? text::keep_beginning(sample.tokens, sample.trained, budget_)
                                                          : keep_answer(sample, budget_);
    made.samples.push_back(std::move(sample));
  }
  made.dropped = why_dropped(learns, made.samples.front());
  if (made.dropped != Dropped::kNo) {
    made.samples.clear();
  }
  for (Sample& kept : made.samples) {
    kept.trained.front() = false;  // nothing comes before it
  }
  return made;
}

}  // namespace luthier::data::pack
