#include "pipelines/data/check/min_hash.h"

#include <algorithm>
#include <array>
#include <limits>

namespace luthier::data::check {
namespace {

constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kRows = kBins / kBands;

std::uint64_t scramble(std::uint64_t value) {
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93U;
  value ^= value >> 32;
  value *= 0xd6e8feb86659fd93U;
  return value ^ (value >> 32);
}

// What a byte is to a word: 0 ends it; else the byte in lower case. Bytes beyond ASCII are 1: characters by themselves.
constexpr std::array<unsigned char, 256> make_classes() {
  std::array<unsigned char, 256> classes{};
  for (std::size_t c = 0; c < 256; ++c) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool word = upper || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    classes[c] = static_cast<unsigned char>(c >= 0x80 ? 1 : (word ? (upper ? c + 32 : c) : 0));
  }
  return classes;
}
constexpr auto kClasses = make_classes();

class Sketcher {
 public:
  Sketcher() { minima_.fill(kEmpty); }

  void add(std::string_view text) {
    std::uint64_t word = 0;
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      const unsigned char kind = kClasses[byte];
      if (kind > 1) {
        word = (word ^ kind) * 0x9e3779b97f4a7c15U;
        continue;
      }
      if (word != 0 && (kind == 0 || byte >= 0xc0)) {
        end_word(word);
        word = 0;
      }
      if (kind == 1) {
        word = (word ^ (0x100U | byte)) * 0x9e3779b97f4a7c15U;
      }
    }
    if (word != 0) {
      end_word(word);
    }
  }

  std::optional<Sketch> finish() const {
    if (words_ < kWordsMin) {
      return std::nullopt;
    }
    Sketch sketch;
    for (std::size_t i = 0; i < kBins; ++i) {
      std::size_t from = i;
      while (minima_[from] == kEmpty) {  // at least one is full
        from = (from + 1) % kBins;
      }
      // A bin filled from another must not equal that one by accident of distance.
      sketch.bins[i] = static_cast<std::uint16_t>(scramble(minima_[from] + (from == i ? 0 : 0x51ed27U + i)));
    }
    return sketch;
  }

 private:
  void end_word(std::uint64_t word) {
    ++words_;
    const std::uint64_t shingle = scramble(before_before_ * 3 + before_ * 7 + word);
    before_before_ = before_;
    before_ = word;
    if (words_ < 3) {
      return;
    }
    const std::size_t bin = static_cast<std::size_t>((shingle >> 32) * kBins >> 32);
    minima_[bin] = std::min(minima_[bin], shingle & 0xffffffffU);
  }

  std::array<std::uint64_t, kBins> minima_{};
  std::uint64_t before_ = 0;
  std::uint64_t before_before_ = 0;
  std::size_t words_ = 0;
};

}  // namespace

std::uint64_t Sketch::band(std::size_t number) const {
  std::uint64_t hash = number + 1;
  for (std::size_t i = number * kRows; i < (number + 1) * kRows; ++i) {
    hash = scramble(hash * 31 + bins[i]);
  }
  return hash;
}

std::optional<Sketch> sketch_of(std::span<const std::string_view> texts) {
  Sketcher sketcher;
  for (const std::string_view text : texts) {
    sketcher.add(text);
  }
  return sketcher.finish();
}

double likeness(const Sketch& a, const Sketch& b) {
  std::size_t same = 0;
  for (std::size_t i = 0; i < kBins; ++i) {
    same += a.bins[i] == b.bins[i] ? 1 : 0;
  }
  return static_cast<double>(same) / kBins;
}

}  // namespace luthier::data::check
