#include "pipelines/data/check/duplicates.h"

namespace luthier::data::check {
namespace {

constexpr int kPartShift = 62;

std::int64_t line_of(std::uint64_t spot) {
  return static_cast<std::int64_t>(spot & ((std::uint64_t{1} << kPartShift) - 1));
}
std::size_t part_of(std::uint64_t spot) { return spot >> kPartShift; }

std::string name_of(std::uint64_t spot, const std::vector<std::string>& files, std::size_t seen_from) {
  const std::string line = "line " + std::to_string(line_of(spot));
  return part_of(spot) == seen_from ? line : line + " of " + files[part_of(spot)];
}

Place place_of(std::uint64_t spot, const std::vector<std::string>& files, std::string message) {
  return {files[part_of(spot)], line_of(spot), 0, std::move(message)};
}

// The first places by their order in the files, whatever the order they are found in.
class FirstPlaces {
 public:
  void add(std::uint64_t spot, std::uint64_t of) {
    ++count_;
    places_.emplace_back(spot, of);
    if (places_.size() > 4 * kKept) {
      shrink();
    }
  }
  std::int64_t count() const { return count_; }
  std::vector<std::pair<std::uint64_t, std::uint64_t>> take() {
    shrink();
    return std::move(places_);
  }

 private:
  static constexpr std::size_t kKept = 1'000;
  void shrink() {
    std::sort(places_.begin(), places_.end());
    places_.resize(std::min(places_.size(), kKept));
  }
  std::int64_t count_ = 0;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> places_;
};

void report(std::string_view code, FirstPlaces& found, const std::string& verb, const std::vector<std::string>& files,
            Findings& findings) {
  std::vector<Place> places;
  for (const auto& [spot, of] : found.take()) {
    places.push_back(place_of(spot, files, verb + " " + name_of(of, files, part_of(spot))));
  }
  findings.add_many(code, found.count(), std::move(places));
}

}  // namespace

Duplicates::Duplicates(const std::filesystem::path& folder, std::size_t memory_bytes)
    : folder_(folder),
      kept_max_(std::max<std::size_t>(memory_bytes / 4 / sizeof(Kept), 1'000)),
      same_(folder, memory_bytes / 4),
      near_(folder, memory_bytes / 4),
      repeats_(folder, memory_bytes / 4) {}

Duplicates::Spot Duplicates::spot_of(Part part, std::int64_t line) {
  return (static_cast<Spot>(part) << kPartShift) | static_cast<Spot>(line);
}

Result<void> Duplicates::add(Part part, const BatchResult& batch) {
  for (const ExampleFacts& facts : batch.facts) {
    LUTHIER_TRY_VOID(same_.add({facts.hash, spot_of(part, facts.line)}));
  }
  for (const LineSketch& line : batch.sketches) {
    const std::uint64_t index = kept_in_file_ + kept_.size();
    LUTHIER_TRY_VOID(keep({line.sketch, spot_of(part, line.line), line.hash}));
    for (std::size_t band = 0; band < kBands; ++band) {
      LUTHIER_TRY_VOID(near_.add({line.sketch.band(band), index}));
    }
  }
  return {};
}

Result<void> Duplicates::keep(const Kept& kept) {
  if (kept_.size() == kept_max_) {
    if (kept_file_ == nullptr) {
      LUTHIER_TRY(kept_file_, scratch::ScratchFile::create(folder_));
    }
    LUTHIER_TRY_VOID(kept_file_->append(kept_.data(), kept_.size() * sizeof(Kept)));
    kept_in_file_ += kept_.size();
    kept_.clear();
  }
  if (kept_.size() == kept_.capacity()) {
    kept_.reserve(std::min(std::max<std::size_t>(2 * kept_.capacity(), 1'000), kept_max_));
  }
  kept_.push_back(kept);
  return {};
}

Result<Duplicates::Kept> Duplicates::kept(std::uint64_t index) const {
  if (index >= kept_in_file_) {
    return kept_[index - kept_in_file_];
  }
  Kept kept;
  LUTHIER_TRY_VOID(kept_file_->read(index * sizeof(Kept), &kept, sizeof(Kept)));
  return kept;
}

Result<void> Duplicates::finish(const std::vector<std::string>& files, Findings& findings) {
  LUTHIER_TRY_VOID(find_same(files, findings));
  return find_near(files, findings);
}

Result<void> Duplicates::find_same(const std::vector<std::string>& files, Findings& findings) {
  FirstPlaces repeats;
  FirstPlaces overlaps;
  Same first;
  bool any = false;
  LUTHIER_TRY_VOID(same_.drain([&](const Same& entry) {
    if (!any || entry.hash != first.hash) {
      first = entry;
      any = true;
    } else if (part_of(first.spot) != part_of(entry.spot)) {
      overlaps.add(entry.spot, first.spot);
    } else {
      repeats.add(entry.spot, first.spot);
    }
  }));
  report("duplicate_examples", repeats, "says the same as", files, findings);
  report("validation_overlap", overlaps, "says the same as", files, findings);
  return {};
}

Result<void> Duplicates::find_near(const std::vector<std::string>& files, Findings& findings) {
  Near first;
  bool any = false;
  Result<void> outcome;
  LUTHIER_TRY_VOID(near_.drain([&](const Near& entry) {
    if (!any || entry.band != first.band) {
      first = entry;
      any = true;
    } else if (outcome) {
      outcome = compare(first.index, entry.index);
    }
  }));
  LUTHIER_TRY_VOID(outcome);
  FirstPlaces found;
  Spot last = 0;
  LUTHIER_TRY_VOID(repeats_.drain([&](const Repeat& repeat) {
    if (repeat.spot != last) {
      found.add(repeat.spot, repeat.of);
      last = repeat.spot;
    }
  }));
  report("near_duplicate_examples", found, "says nearly the same as", files, findings);
  return {};
}

Result<void> Duplicates::compare(std::uint64_t first, std::uint64_t other) {
  LUTHIER_TRY(const Kept a, kept(first));
  LUTHIER_TRY(const Kept b, kept(other));
  if (a.hash == b.hash || likeness(a.sketch, b.sketch) < kNearLikeness) {
    return {};
  }
  return repeats_.add({b.spot, a.spot});
}

std::uint64_t Duplicates::bytes_spilled() const {
  return same_.bytes_spilled() + near_.bytes_spilled() + repeats_.bytes_spilled() +
         (kept_file_ == nullptr ? 0 : kept_file_->size());
}

}  // namespace luthier::data::check
