#include "pipelines/data/pack/sample_maker.h"

namespace luthier::data::pack {
namespace {

using luthier::pack::Sample;

// Data is not ours: a special token written out in it is text, not a command.
constexpr text::EncodeOptions kPlain{.add_special_tokens = false, .parse_special_tokens = false};

const std::string* text_of(const read::Json& record, const char* name) {
  const auto found = record.find(name);
  return found == record.end() ? nullptr : found->get_ptr<const std::string*>();
}

}  // namespace

Result<MadeSamples> SampleMaker::make(const read::Example& example) {
  const auto id = static_cast<std::uint64_t>(example.ordinal);
  const std::string* prompt = text_of(example.value, "prompt");
  const std::string* completion = text_of(example.value, "completion");
  if (prompt != nullptr && completion != nullptr) {
    return make_pair(*prompt, *completion, id);
  }
  if (const std::string* text = text_of(example.value, "text")) {
    return make_text(*text, id);
  }
  return Error{ErrorCode::kInvalidArgument,
               "the record has neither the strings \"prompt\" and \"completion\" nor \"text\"; of chats, render them "
               "first (luthier data render)"};
}

Result<MadeSamples> SampleMaker::make_pair(const std::string& prompt, const std::string& completion, std::uint64_t id) {
  std::vector<text::TokenId> before = prefix_;
  LUTHIER_TRY_VOID(encoder_.encode(prompt, kPlain, before));
  std::vector<text::TokenId> after;
  LUTHIER_TRY_VOID(encoder_.encode(completion, kPlain, after));
  after.push_back(end_);
  MadeSamples made;
  made.truncated = before.size() + after.size() > budget_;
  if (after.size() >= budget_) {
    after.resize(budget_ - 1);
  }
  const std::size_t kept = std::min<std::size_t>(before.size(), budget_ - after.size());
  Sample sample;
  sample.id = id;
  sample.tokens.assign(before.end() - static_cast<std::ptrdiff_t>(kept), before.end());
  sample.tokens.insert(sample.tokens.end(), after.begin(), after.end());
  sample.trained.assign(kept, false);
  sample.trained.resize(sample.tokens.size(), true);
  made.samples.push_back(std::move(sample));
  return made;
}

Result<MadeSamples> SampleMaker::make_text(const std::string& text, std::uint64_t id) {
  std::vector<text::TokenId> ids = prefix_;
  LUTHIER_TRY_VOID(encoder_.encode(text, kPlain, ids));
  ids.push_back(end_);
  MadeSamples made;
  for (std::size_t begin = 0; begin < ids.size(); begin += budget_) {
    const std::size_t end = std::min<std::size_t>(ids.size(), begin + budget_);
    Sample sample;
    sample.id = id;
    sample.tokens.assign(ids.begin() + static_cast<std::ptrdiff_t>(begin),
                         ids.begin() + static_cast<std::ptrdiff_t>(end));
    sample.trained.assign(sample.tokens.size(), true);
    made.samples.push_back(std::move(sample));
  }
  return made;
}

}  // namespace luthier::data::pack
