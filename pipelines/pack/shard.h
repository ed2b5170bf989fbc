// Shards: packed samples as files that are mapped into memory and read without parsing. docs/data.md, "Packing", gives
// the format byte by byte.
//
// A bin is what one row of a batch holds: samples one after the other, together at most `budget` tokens. Bins are
// numbered over all shards of a folder; that numbering is the order of training. Step s of batches of B bins takes
// bins s*B to s*B+B-1, of which worker r of n takes those whose number is r modulo n: whatever n is, every step sees
// the same samples.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/text/token_id.h"

namespace luthier::pack {

using text::TokenId;

inline constexpr std::uint32_t kShardVersion = 1;

struct Sample {
  std::uint64_t id = 0;  // the record's number in its file, from 0
  std::vector<TokenId> tokens;
  std::vector<bool> trained;  // of the same size: whether the token is one to learn
};

// Writes one shard. Not thread-safe.
class ShardWriter {
 public:
  // `token_bytes`: 2 when every id is below 65,536, else 4.
  ShardWriter(std::uint32_t budget, std::uint32_t token_bytes, std::uint64_t first_bin)
      : budget_(budget), token_bytes_(token_bytes), first_bin_(first_bin) {}

  void add_bin(const std::vector<const Sample*>& samples);
  [[nodiscard]] std::uint64_t bins() const { return bin_begins_.size(); }
  [[nodiscard]] std::size_t bytes() const;
  // The whole file.
  [[nodiscard]] std::string finish() const;

 private:
  struct Segment {
    std::uint64_t sample = 0;
    std::uint64_t first_token = 0;
    std::uint32_t tokens = 0;
  };
  std::uint32_t budget_;
  std::uint32_t token_bytes_;
  std::uint64_t first_bin_;
  std::vector<std::uint64_t> bin_begins_;  // the number of each bin's first segment
  std::vector<Segment> segments_;
  std::vector<TokenId> tokens_;
  std::vector<bool> trained_;
};

// One shard, mapped read-only. Immutable; shared by threads.
class Shard {
 public:
  // kDataLoss: not a whole shard of a known version, or one whose tables do not fit together.
  [[nodiscard]] static Result<Shard> open(const std::filesystem::path& path);

  [[nodiscard]] std::uint32_t budget() const { return budget_; }
  [[nodiscard]] std::uint64_t first_bin() const { return first_bin_; }
  [[nodiscard]] std::uint64_t bins() const { return bins_; }
  [[nodiscard]] std::uint64_t tokens() const { return tokens_; }
  // Tokens of each sample of a bin, without reading them; `bin` counts from 0 within the shard.
  [[nodiscard]] std::vector<std::uint32_t> sample_lengths(std::uint64_t bin) const;
  // The samples of a bin, copied out.
  [[nodiscard]] std::vector<Sample> read_bin(std::uint64_t bin) const;

 private:
  struct Mapping;
  Shard() = default;
  Result<void> check() const;
  [[nodiscard]] std::uint64_t number(std::size_t offset) const;  // 8 bytes
  [[nodiscard]] std::uint32_t token(std::uint64_t index) const;
  [[nodiscard]] bool trained(std::uint64_t index) const;

  std::shared_ptr<const Mapping> mapping_;
  const unsigned char* bytes_ = nullptr;
  std::uint32_t budget_ = 0;
  std::uint32_t token_bytes_ = 0;
  std::uint64_t first_bin_ = 0;
  std::uint64_t bins_ = 0;
  std::uint64_t segments_ = 0;
  std::uint64_t tokens_ = 0;
  std::size_t bins_at_ = 0;  // where the tables begin
  std::size_t segments_at_ = 0;
  std::size_t tokens_at_ = 0;
  std::size_t trained_at_ = 0;
};

// All shards of a folder in their order, as pack.json lists them.
class Pack {
 public:
  // kNotFound: no pack.json; kDataLoss: a shard is missing, damaged or out of order.
  [[nodiscard]] static Result<Pack> open(const std::filesystem::path& folder);
  [[nodiscard]] static bool is_in(const std::filesystem::path& folder);

  // pack.json as it is written: with the digests of the shards, so that equal texts mean equal rows.
  [[nodiscard]] const std::string& description() const { return description_; }
  // How many of the records were conversations.
  [[nodiscard]] std::uint64_t chats() const { return chats_; }
  // Digest of the tokenizer's file, "sha256:…"; empty when pack.json does not say it.
  [[nodiscard]] const std::string& tokenizer_digest() const { return tokenizer_digest_; }

  [[nodiscard]] std::uint64_t bins() const { return bins_; }
  [[nodiscard]] std::uint32_t budget() const { return shards_.front().budget(); }
  // `bin` < bins().
  [[nodiscard]] std::vector<std::uint32_t> sample_lengths(std::uint64_t bin) const;
  [[nodiscard]] std::vector<Sample> read_bin(std::uint64_t bin) const;

 private:
  [[nodiscard]] const Shard& shard_of(std::uint64_t bin) const;

  std::vector<Shard> shards_;
  std::string description_;
  std::string tokenizer_digest_;
  std::uint64_t chats_ = 0;
  std::uint64_t bins_ = 0;
};

// The bins of one worker in one step, smallest first; fewer at the end of the epoch.
[[nodiscard]] std::vector<std::uint64_t> bins_of_worker(std::uint64_t bins, std::uint64_t batch_bins,
                                                        std::uint64_t step, std::uint64_t worker,
                                                        std::uint64_t workers);

}  // namespace luthier::pack
