#include "agents/worker/formats/rows.h"

#include <algorithm>
#include <utility>

namespace luthier::worker {

Rows::Rows(std::vector<Example> examples) : examples_(std::move(examples)) {
  for (const Example& example : examples_) {
    lengths_.push_back(example.input_length());
  }
}

Result<Rows> Rows::open_pack(const std::filesystem::path& folder, const PackOptions& options) {
  Rows rows;
  LUTHIER_TRY(rows.pack_, pack::Pack::open(folder));
  rows.vocab_size_ = options.vocab_size;
  const std::string file = (folder / "pack.json").string();
  if (rows.pack_->tokenizer_digest() != options.tokenizer_digest) {
    return Error{ErrorCode::kInvalidArgument, file + ": the shards were packed with the tokenizer " +
                                                  rows.pack_->tokenizer_digest() + ", but the model's is " +
                                                  options.tokenizer_digest +
                                                  ": their numbers mean other tokens; pack the data with this model"};
  }
  std::uint32_t longest = 0;
  for (std::uint64_t bin = 0; bin < rows.pack_->bins(); ++bin) {
    std::int64_t positions = 0;
    for (const std::uint32_t tokens : rows.pack_->sample_lengths(bin)) {
      longest = std::max(longest, tokens);
      positions += tokens - 1;  // a sample's last token is only asked for
    }
    rows.lengths_.push_back(std::max<std::int64_t>(1, positions));
  }
  if (rows.lengths_.empty()) {
    return Error{ErrorCode::kInvalidArgument, file + ": the shards hold no rows"};
  }
  if (longest > options.input_length_max + 1) {
    return Error{ErrorCode::kInvalidArgument,
                 file + ": a sample has " + std::to_string(longest) + " tokens, but this training takes " +
                     std::to_string(options.input_length_max) + " at once: pack the data in rows of at most " +
                     std::to_string(options.input_length_max + 1) + " tokens"};
  }
  return rows;
}

std::int64_t Rows::size() const { return std::ssize(lengths_); }

Result<std::vector<Example>> Rows::read(std::size_t row) const {
  if (!pack_) {
    return std::vector<Example>{examples_[row]};
  }
  std::vector<Example> read;
  for (pack::Sample& sample : pack_->read_bin(row)) {
    for (const TokenId id : sample.tokens) {
      if (static_cast<std::size_t>(id) >= vocab_size_) {
        return Error{ErrorCode::kDataLoss, "row " + std::to_string(row) + " of the shards holds the token " +
                                               std::to_string(id) + ", which the model does not have"};
      }
    }
    if (sample.tokens.size() > 1) {
      read.push_back({std::move(sample.tokens), std::move(sample.trained)});
    }
  }
  return read;
}

std::uint64_t Rows::fingerprint() const {
  if (!pack_) {
    return worker::fingerprint(examples_);
  }
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (const char byte : pack_->description()) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3ULL;
  }
  return hash;
}

}  // namespace luthier::worker
