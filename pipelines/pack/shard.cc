#include "pipelines/pack/shard.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/unique_fd.h"
#include "pipelines/pack/shard_format.h"

namespace luthier::pack {

struct Shard::Mapping {
  void* address = nullptr;
  std::size_t size = 0;
  Mapping(void* at, std::size_t bytes) : address(at), size(bytes) {}
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping() { ::munmap(address, size); }
};

Result<Shard> Shard::open(const std::filesystem::path& path) {
  const auto damaged = [&](const std::string& what) {
    return Error{ErrorCode::kDataLoss, path.string() + ": " + what + "; pack the data again"};
  };
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (fd.get() < 0 || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode)) {
    return damaged("there is no readable file");
  }
  const auto size = static_cast<std::size_t>(facts.st_size);
  if (size < kHeaderBytes + kBinBytes) {
    return damaged("too short for a shard");
  }
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) {
    return Error{ErrorCode::kResourceExhausted, path.string() + ": cannot be mapped into memory"};
  }
  Shard shard;
  shard.mapping_ = std::make_shared<const Mapping>(address, size);
  shard.bytes_ = static_cast<const unsigned char*>(address);
  if (std::memcmp(address, kMagic.data(), kMagic.size()) != 0) {
    return damaged("not a shard");
  }
  const auto small = [&](std::size_t at) { return static_cast<std::uint32_t>(shard.number(at) & 0xffffffff); };
  if (small(kVersionAt) != kShardVersion) {
    return damaged("version " + std::to_string(small(kVersionAt)) + ", of which this program knows nothing");
  }
  shard.token_bytes_ = small(kTokenBytesAt);
  shard.budget_ = small(kBudgetAt);
  shard.first_bin_ = shard.number(kFirstBinAt);
  shard.bins_ = shard.number(kBinsAt);
  shard.segments_ = shard.number(kSegmentsAt);
  shard.tokens_ = shard.number(kTokensAt);
  if (auto whole = shard.check(); !whole) {
    return damaged(whole.error().message);
  }
  shard.bins_at_ = kHeaderBytes;
  shard.segments_at_ = shard.bins_at_ + (shard.bins_ + 1) * kBinBytes;
  shard.tokens_at_ = shard.segments_at_ + shard.segments_ * kSegmentBytes;
  shard.trained_at_ = shard.tokens_at_ + padded(shard.tokens_ * shard.token_bytes_);
  return shard;
}

// Everything that read_bin() relies on, so that a damaged file is found when it is opened.
Result<void> Shard::check() const {
  const auto wrong = [](const char* what) { return Error{ErrorCode::kDataLoss, what}; };
  const std::size_t size = mapping_->size;
  if ((token_bytes_ != 2 && token_bytes_ != 4) || budget_ == 0 || bins_ >= size || segments_ >= size ||
      tokens_ >= size || first_bin_ > std::numeric_limits<std::uint64_t>::max() / 2) {
    return wrong("its header cannot be true");
  }
  const std::size_t segments_at = kHeaderBytes + (bins_ + 1) * kBinBytes;
  const std::size_t tokens_at = segments_at + segments_ * kSegmentBytes;
  if (tokens_at + padded(tokens_ * token_bytes_) + padded((tokens_ + 7) / 8) != size) {
    return wrong("not as long as its header says");
  }
  std::uint64_t expected = 0;
  for (std::uint64_t i = 0; i < segments_; ++i) {
    const std::size_t at = segments_at + i * kSegmentBytes;
    const std::uint64_t length = number(at + 16) & 0xffffffff;
    if (number(at + 8) != expected || length == 0 || length > tokens_ - expected) {
      return wrong("its segments do not follow one another");
    }
    expected += length;
  }
  std::uint64_t before = 0;
  for (std::uint64_t bin = 0; bin <= bins_; ++bin) {
    const std::uint64_t begin = number(kHeaderBytes + bin * kBinBytes);
    if (begin < before || begin > segments_ || (bin == 0 && begin != 0) || (bin == bins_ && begin != segments_)) {
      return wrong("its bins do not follow one another");
    }
    before = begin;
  }
  return expected == tokens_ ? Result<void>{} : wrong("it has tokens that belong to no sample");
}

std::uint64_t Shard::number(std::size_t offset) const {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    value |= std::uint64_t{bytes_[offset + i]} << (8 * i);
  }
  return value;
}

std::uint32_t Shard::token(std::uint64_t index) const {
  const unsigned char* at = bytes_ + tokens_at_ + index * token_bytes_;
  std::uint32_t value = 0;
  for (std::uint32_t i = 0; i < token_bytes_; ++i) {
    value |= std::uint32_t{at[i]} << (8 * i);
  }
  return value;
}

bool Shard::trained(std::uint64_t index) const { return (bytes_[trained_at_ + index / 8] >> (index % 8) & 1) != 0; }

std::vector<std::uint32_t> Shard::sample_lengths(std::uint64_t bin) const {
  LUTHIER_CHECK(bin < bins_);
  std::vector<std::uint32_t> lengths;
  const std::uint64_t end = number(bins_at_ + (bin + 1) * kBinBytes);
  for (std::uint64_t segment = number(bins_at_ + bin * kBinBytes); segment < end; ++segment) {
    lengths.push_back(static_cast<std::uint32_t>(number(segments_at_ + segment * kSegmentBytes + 16) & 0xffffffff));
  }
  return lengths;
}

std::vector<Sample> Shard::read_bin(std::uint64_t bin) const {
  LUTHIER_CHECK(bin < bins_);
  std::vector<Sample> samples;
  const std::uint64_t end = number(bins_at_ + (bin + 1) * kBinBytes);
  for (std::uint64_t segment = number(bins_at_ + bin * kBinBytes); segment < end; ++segment) {
    const std::size_t at = segments_at_ + segment * kSegmentBytes;
    Sample sample;
    sample.id = number(at);
    const std::uint64_t first = number(at + 8);
    const std::uint64_t count = number(at + 16) & 0xffffffff;
    for (std::uint64_t i = first; i < first + count; ++i) {
      sample.tokens.push_back(static_cast<TokenId>(token(i)));
      sample.trained.push_back(trained(i));
    }
    samples.push_back(std::move(sample));
  }
  return samples;
}

bool Pack::is_in(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / "pack.json", ignored);
}

Result<Pack> Pack::open(const std::filesystem::path& folder) {
  LUTHIER_TRY(std::string text, read_file(folder / "pack.json", 64U << 20));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto damaged = [&](const std::string& what) {
    return Error{ErrorCode::kDataLoss, (folder / "pack.json").string() + ": " + what + "; pack the data again"};
  };
  if (!json.is_object() || !json.contains("shards") || !json["shards"].is_array() || json["shards"].empty()) {
    return damaged("it lists no shards");
  }
  Pack pack;
  for (const auto& entry : json["shards"]) {
    const bool named = entry.is_object() && entry.contains("file") && entry["file"].is_string();
    const std::string name = named ? entry["file"].get<std::string>() : std::string();
    if (name.empty() || name.find('/') != std::string::npos) {
      return damaged("a shard has no file name");
    }
    LUTHIER_TRY(Shard shard, Shard::open(folder / name));
    if (shard.first_bin() != pack.bins_ || (!pack.shards_.empty() && shard.budget() != pack.budget())) {
      return damaged(name + " does not follow the shard before it");
    }
    pack.bins_ += shard.bins();
    pack.shards_.push_back(std::move(shard));
  }
  pack.description_ = std::move(text);
  if (json.contains("chats") && json["chats"].is_number_unsigned()) {
    pack.chats_ = json["chats"].get<std::uint64_t>();
  }
  if (json.contains("tokenizer") && json["tokenizer"].is_string()) {
    pack.tokenizer_digest_ = json["tokenizer"].get<std::string>();
  }
  return pack;
}

const Shard& Pack::shard_of(std::uint64_t bin) const {
  LUTHIER_CHECK(bin < bins_);
  const auto after =
      std::upper_bound(shards_.begin(), shards_.end(), bin,
                       [](std::uint64_t wanted, const Shard& shard) { return wanted < shard.first_bin(); });
  return *std::prev(after);
}

std::vector<std::uint32_t> Pack::sample_lengths(std::uint64_t bin) const {
  const Shard& shard = shard_of(bin);
  return shard.sample_lengths(bin - shard.first_bin());
}

std::vector<Sample> Pack::read_bin(std::uint64_t bin) const {
  const Shard& shard = shard_of(bin);
  return shard.read_bin(bin - shard.first_bin());
}

std::vector<std::uint64_t> bins_of_worker(std::uint64_t bins, std::uint64_t batch_bins, std::uint64_t step,
                                          std::uint64_t worker, std::uint64_t workers) {
  LUTHIER_CHECK(batch_bins > 0 && worker < workers);
  std::vector<std::uint64_t> result;
  const std::uint64_t begin = step * batch_bins;
  for (std::uint64_t bin = begin; bin < bins && bin < begin + batch_bins; ++bin) {
    if (bin % workers == worker) {
      result.push_back(bin);
    }
  }
  return result;
}

}  // namespace luthier::pack
