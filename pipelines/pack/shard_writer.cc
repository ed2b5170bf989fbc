#include "base/check.h"
#include "pipelines/pack/shard.h"
#include "pipelines/pack/shard_format.h"

namespace luthier::pack {
namespace {

void put(std::string& out, std::uint64_t value, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> (8 * i) & 0xff)));
  }
}

}  // namespace

void ShardWriter::add_bin(const std::vector<const Sample*>& samples) {
  bin_begins_.push_back(segments_.size());
  std::size_t total = 0;
  for (const Sample* sample : samples) {
    LUTHIER_CHECK(sample->tokens.size() == sample->trained.size() && !sample->tokens.empty());
    total += sample->tokens.size();
    segments_.push_back({sample->id, tokens_.size(), static_cast<std::uint32_t>(sample->tokens.size())});
    tokens_.insert(tokens_.end(), sample->tokens.begin(), sample->tokens.end());
    trained_.insert(trained_.end(), sample->trained.begin(), sample->trained.end());
  }
  LUTHIER_CHECK(total <= budget_);
}

std::size_t ShardWriter::bytes() const {
  return kHeaderBytes + (bin_begins_.size() + 1) * kBinBytes + segments_.size() * kSegmentBytes +
         padded(tokens_.size() * token_bytes_) + padded((tokens_.size() + 7) / 8);
}

std::string ShardWriter::finish() const {
  std::string out(kMagic);
  out.reserve(bytes());
  put(out, kShardVersion, 4);
  put(out, token_bytes_, 4);
  put(out, budget_, 4);
  put(out, 0, 4);
  put(out, first_bin_, 8);
  put(out, bin_begins_.size(), 8);
  put(out, segments_.size(), 8);
  put(out, tokens_.size(), 8);
  put(out, 0, 8);
  for (const std::uint64_t begin : bin_begins_) {
    put(out, begin, 8);
  }
  put(out, segments_.size(), 8);
  for (const Segment& segment : segments_) {
    put(out, segment.sample, 8);
    put(out, segment.first_token, 8);
    put(out, segment.tokens, 4);
    put(out, 0, 4);
  }
  for (const TokenId token : tokens_) {
    LUTHIER_CHECK(token >= 0 && (token_bytes_ == 4 || token < 65'536));
    put(out, static_cast<std::uint32_t>(token), token_bytes_);
  }
  out.resize(padded(out.size()), '\0');
  for (std::size_t i = 0; i < trained_.size(); i += 8) {
    unsigned byte = 0;
    for (std::size_t bit = 0; bit < 8 && i + bit < trained_.size(); ++bit) {
      byte |= (trained_[i + bit] ? 1U : 0U) << bit;
    }
    put(out, byte, 1);
  }
  out.resize(padded(out.size()), '\0');
  return out;
}

}  // namespace luthier::pack
