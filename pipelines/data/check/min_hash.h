// MinHash: a sketch of a text, whose likeness to another's sketch estimates which share of three-word sequences two
// texts have in common (Jaccard). One permutation, kBins bins, empty bins filled from the next full one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace luthier::data::check {

inline constexpr std::size_t kBins = 60;
inline constexpr std::size_t kBands = 10;  // of kBins / kBands bins: texts of likeness 0.8 share one with 0.95
inline constexpr double kNearLikeness = 0.8;
inline constexpr std::size_t kWordsMin = 12;  // shorter texts are alike by nature

struct Sketch {
  std::array<std::uint16_t, kBins> bins{};
  [[nodiscard]] std::uint64_t band(std::size_t number) const;
};

// Of the texts one after the other. Words are runs of letters and digits in lower case; a character beyond ASCII is a
// word by itself. nullopt: fewer than kWordsMin words.
[[nodiscard]] std::optional<Sketch> sketch_of(std::span<const std::string_view> texts);
[[nodiscard]] double likeness(const Sketch& a, const Sketch& b);

}  // namespace luthier::data::check
