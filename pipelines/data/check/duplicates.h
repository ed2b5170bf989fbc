// Duplicates: examples that say the same as an earlier one, exactly or nearly, and validation examples that are also in
// training. Spills to disk beyond its share of memory.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "pipelines/data/check/totals.h"
#include "pipelines/data/scratch/spill_sorter.h"

namespace luthier::data::check {

enum class Part { kTraining, kValidation };

class Duplicates {
 public:
  Duplicates(const std::filesystem::path& folder, std::size_t memory_bytes);

  // In the order of the files, training first.
  [[nodiscard]] Result<void> add(Part part, const BatchResult& batch);
  // duplicate_examples, validation_overlap and near_duplicate_examples. `files`: their names, by part. Once.
  [[nodiscard]] Result<void> finish(const std::vector<std::string>& files, Findings& findings);

  // Written to disk so far.
  [[nodiscard]] std::uint64_t bytes_spilled() const;

 private:
  // A line of either file in 64 bits; all of training comes before all of validation.
  using Spot = std::uint64_t;
  struct Same {
    Hash128 hash;
    Spot spot = 0;
    friend auto operator<=>(const Same&, const Same&) = default;
  };
  struct Near {
    std::uint64_t band = 0;
    std::uint64_t index = 0;  // of its sketch
    friend auto operator<=>(const Near&, const Near&) = default;
  };
  struct Kept {
    Sketch sketch;
    Spot spot = 0;
    std::uint64_t hash = 0;  // of the whole example: equal ones are no near duplicates
  };
  struct Repeat {
    Spot spot = 0;
    Spot of = 0;  // an earlier one that it repeats
    friend auto operator<=>(const Repeat&, const Repeat&) = default;
  };

  static Spot spot_of(Part part, std::int64_t line);
  Result<void> keep(const Kept& kept);
  [[nodiscard]] Result<Kept> kept(std::uint64_t index) const;
  Result<void> find_same(const std::vector<std::string>& files, Findings& findings);
  Result<void> find_near(const std::vector<std::string>& files, Findings& findings);
  Result<void> compare(std::uint64_t first, std::uint64_t other);

  std::filesystem::path folder_;
  std::size_t kept_max_;  // in memory
  scratch::SpillSorter<Same> same_;
  scratch::SpillSorter<Near> near_;
  scratch::SpillSorter<Repeat> repeats_;             // near ones; one may stand in it several times
  std::vector<Kept> kept_;                           // the newest
  std::unique_ptr<scratch::ScratchFile> kept_file_;  // those before them
  std::uint64_t kept_in_file_ = 0;
};

}  // namespace luthier::data::check
