#include "pipelines/data/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "base/check.h"
#include "base/random.h"
#include "pipelines/data/scratch/spill_sorter.h"

namespace luthier::data {
namespace {

// Where memory has room for the entries themselves: much faster than entry by entry on disk, with the same outcome.
Result<void> shuffle_in_memory(RowNumbers& rows, std::uint64_t begin, std::uint64_t end, Random& random) {
  std::vector<std::uint32_t> numbers;
  numbers.reserve(end - begin);
  const auto take = [&](std::uint64_t row) -> Result<void> {
    numbers.push_back(static_cast<std::uint32_t>(row));
    return {};
  };
  LUTHIER_TRY_VOID(rows.for_each(begin, end, take));
  for (std::size_t i = numbers.size(); i > 1; --i) {
    std::swap(numbers[i - 1], numbers[random.below(i)]);
  }
  std::vector<std::uint64_t> piece;
  for (std::size_t i = 0; i < numbers.size(); i += piece.size()) {
    constexpr std::size_t kPieceEntries = 8'192;
    const auto from = numbers.begin() + static_cast<std::ptrdiff_t>(i);
    piece.assign(from, from + static_cast<std::ptrdiff_t>(std::min(kPieceEntries, numbers.size() - i)));
    LUTHIER_TRY_VOID(rows.set_many(begin + i, piece));
  }
  return {};
}

// Of the entries from `begin` to before `end`.
Result<void> shuffle(RowNumbers& rows, std::uint64_t begin, std::uint64_t end, const SplitScratch& scratch,
                     Random& random) {
  if ((end - begin) * sizeof(std::uint32_t) <= scratch.memory_bytes && scratch.fits_32_bits) {
    return shuffle_in_memory(rows, begin, end, random);
  }
  for (std::uint64_t i = end - begin; i > 1; --i) {
    LUTHIER_TRY_VOID(rows.swap(begin + i - 1, begin + random.below(i)));
  }
  return {};
}

Result<void> sort(RowNumbers& rows, const SplitScratch& scratch) {
  scratch::SpillSorter<std::uint64_t> sorter(scratch.folder, scratch.memory_bytes / 4);
  LUTHIER_TRY_VOID(rows.for_each([&](std::uint64_t row) { return sorter.add(row); }));
  rows.clear();
  Result<void> outcome;
  LUTHIER_TRY_VOID(sorter.drain([&](const std::uint64_t& row) {
    if (outcome) {
      outcome = rows.push_back(row);
    }
  }));
  return outcome;
}

Result<void> put_in_order(SplitRows& rows, const SplitSettings& settings, const SplitScratch& scratch, Random& random) {
  for (RowNumbers* part : {&rows.train, &rows.validation, &rows.test}) {
    LUTHIER_TRY_VOID(settings.keep_order ? sort(*part, scratch) : shuffle(*part, 0, part->size(), scratch, random));
  }
  return {};
}

// Rows by their value, those of one value in their own order; begins[i] is where those of the i-th value in order
// begin.
struct Members {
  RowNumbers rows;
  scratch::DiskArray<std::uint64_t> positions;  // of the same rows among all, where they are asked for
  std::vector<std::uint64_t> begins;            // one more than there are values
  [[nodiscard]] std::uint64_t size(std::size_t value) const { return begins[value + 1] - begins[value]; }
};

Result<Members> members_of(const RowNumbers& rows, const RowValues& values, bool with_positions,
                           const SplitScratch& scratch) {
  Members members{scratch.array(), scratch.array(), {0, rows.size()}};
  std::uint64_t position = 0;
  if (values.numbers == nullptr) {
    const auto take = [&](std::uint64_t row) -> Result<void> {
      LUTHIER_TRY_VOID(members.rows.push_back(row));
      return with_positions ? members.positions.push_back(position++) : Result<void>();
    };
    LUTHIER_TRY_VOID(rows.for_each(take));
    return members;
  }
  std::vector<std::uint32_t> places(values.order.size());
  for (std::size_t place = 0; place < values.order.size(); ++place) {
    places[values.order[place]] = static_cast<std::uint32_t>(place);
  }
  members.begins.assign(values.order.size() + 1, 0);
  const auto count = [&](std::uint32_t number) -> Result<void> {
    ++members.begins[places[number] + 1];
    LUTHIER_TRY_VOID(members.rows.push_back(0));
    return with_positions ? members.positions.push_back(0) : Result<void>();
  };
  LUTHIER_TRY_VOID(values.numbers->for_each(count));
  for (std::size_t i = 1; i < members.begins.size(); ++i) {
    members.begins[i] += members.begins[i - 1];
  }
  std::vector<std::uint64_t> next(members.begins);
  const auto place = [&](std::uint32_t number) -> Result<void> {
    const std::uint64_t at = next[places[number]]++;
    if (with_positions) {
      LUTHIER_TRY_VOID(members.positions.set(at, position));
    }
    LUTHIER_TRY(const std::uint64_t row, rows.get(position++));
    return members.rows.set(at, row);
  };
  LUTHIER_TRY_VOID(values.numbers->for_each(place));
  return members;
}

std::size_t rows_wanted(double fraction, std::size_t rows) {
  if (fraction <= 0) {
    return 0;
  }
  return std::max<std::size_t>(1, static_cast<std::size_t>(std::llround(fraction * static_cast<double>(rows))));
}

// Shares `wanted` rows out among groups of the given sizes, in proportion, at most room[i] of group i.
std::vector<std::size_t> share_out(std::size_t wanted, const std::vector<std::size_t>& sizes,
                                   const std::vector<std::size_t>& room) {
  std::size_t total = 0;
  for (const std::size_t size : sizes) {
    total += size;
  }
  std::vector<std::size_t> shares(sizes.size());
  std::vector<std::pair<double, std::size_t>> remainders;  // negated, so that the largest sorts first
  std::size_t given = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double exact = static_cast<double>(wanted) * static_cast<double>(sizes[i]) / static_cast<double>(total);
    shares[i] = std::min(static_cast<std::size_t>(exact), room[i]);
    given += shares[i];
    remainders.emplace_back(-(exact - std::floor(exact)), i);
  }
  std::sort(remainders.begin(), remainders.end());
  for (bool progress = true; given < wanted && progress;) {
    progress = false;
    for (const auto& [remainder, i] : remainders) {
      if (given < wanted && shares[i] < room[i]) {
        ++shares[i];
        ++given;
        progress = true;
      }
    }
  }
  return shares;
}

// Gives whole groups to the parts train, validation and test, each where its classes are furthest below their share.
class PartFiller {
 public:
  // `class_sizes`: rows of each class, by its place in order.
  PartFiller(const std::array<double, 3>& shares, const std::vector<double>& class_sizes) : shares_(shares) {
    for (std::size_t part = 0; part < shares_.size(); ++part) {
      for (const double size : class_sizes) {
        wanted_[part].push_back(shares_[part] * size);
      }
    }
  }

  // `sizes`: rows of the group by class. `groups_left` counts this one. A part without a group gets one before groups
  // run out.
  std::size_t choose(const std::map<std::size_t, double>& sizes, std::size_t groups_left) {
    std::size_t empty_parts = 0;
    for (std::size_t part = 0; part < shares_.size(); ++part) {
      empty_parts += shares_[part] > 0 && groups_[part] == 0 ? 1U : 0U;
    }
    std::size_t best = 0;
    double best_score = -std::numeric_limits<double>::infinity();
    for (std::size_t part = 0; part < shares_.size(); ++part) {
      if (shares_[part] <= 0 || (groups_[part] > 0 && empty_parts >= groups_left)) {
        continue;
      }
      double score = 0;
      for (const auto& [place, size] : sizes) {
        // How far the part would be from its share afterwards, against how far it is now, in parts of the share.
        const double missing = wanted_[part][place];
        score += (std::abs(missing) - std::abs(missing - size)) / shares_[part];
      }
      if (score > best_score) {
        best_score = score;
        best = part;
      }
    }
    for (const auto& [place, size] : sizes) {
      wanted_[best][place] -= size;
    }
    ++groups_[best];
    return best;
  }

 private:
  std::array<double, 3> shares_;
  std::array<std::vector<double>, 3> wanted_;  // rows of each class that the part still lacks
  std::array<std::size_t, 3> groups_{};
};

}  // namespace

Result<SplitRows> split_rows(const RowNumbers& rows, const RowValues& classes, const SplitSettings& settings,
                             const SplitScratch& scratch) {
  LUTHIER_TRY(Members members, members_of(rows, classes, false, scratch));
  const std::size_t count = members.begins.size() - 1;
  const std::size_t validation_wanted =
      settings.validation_rows.value_or(rows_wanted(settings.validation, rows.size()));
  const std::size_t test_wanted = rows_wanted(settings.test, rows.size());
  if (validation_wanted + test_wanted + count > rows.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(rows.size()) + " rows are too few to split into training, " +
                     std::to_string(validation_wanted) + " of validation and " + std::to_string(test_wanted) +
                     " of test; add data or lower the fractions of `split`"};
  }
  std::vector<std::size_t> sizes;
  std::vector<std::size_t> room;
  for (std::size_t place = 0; place < count; ++place) {
    sizes.push_back(members.size(place));
    room.push_back(members.size(place) - 1);
  }
  const std::vector<std::size_t> validation = share_out(validation_wanted, sizes, room);
  for (std::size_t i = 0; i < room.size(); ++i) {
    room[i] -= validation[i];
  }
  const std::vector<std::size_t> test = share_out(test_wanted, sizes, room);
  SplitRows result{scratch.array(), scratch.array(), scratch.array()};
  Random random(settings.seed);
  for (std::size_t place = 0; place < count; ++place) {
    LUTHIER_TRY_VOID(shuffle(members.rows, members.begins[place], members.begins[place + 1], scratch, random));
    std::size_t i = 0;
    const auto give = [&](std::uint64_t row) {
      const bool validates = i < validation[place];
      const bool tests = !validates && i < validation[place] + test[place];
      ++i;
      return (validates ? result.validation : tests ? result.test : result.train).push_back(row);
    };
    LUTHIER_TRY_VOID(members.rows.for_each(members.begins[place], members.begins[place + 1], give));
  }
  LUTHIER_TRY_VOID(put_in_order(result, settings, scratch, random));
  return result;
}

Result<SplitRows> split_groups(const RowNumbers& rows, const RowValues& groups, const RowValues& classes,
                               const SplitSettings& settings, const SplitScratch& scratch) {
  LUTHIER_TRY(const Members members, members_of(rows, groups, true, scratch));
  const std::size_t count = members.begins.size() - 1;
  const std::array<double, 3> shares = {1 - settings.validation - settings.test, settings.validation, settings.test};
  const auto parts =
      static_cast<std::size_t>(std::count_if(shares.begin(), shares.end(), [](double share) { return share > 0; }));
  if (count < parts) {
    return Error{ErrorCode::kInvalidArgument, "`split.group` has " + std::to_string(count) +
                                                  " different values, too few for " + std::to_string(parts) +
                                                  " parts; add data or leave `group` out"};
  }
  std::vector<std::uint32_t> places(classes.order.size());
  std::vector<double> class_sizes(std::max<std::size_t>(classes.order.size(), 1));
  for (std::size_t place = 0; place < classes.order.size(); ++place) {
    places[classes.order[place]] = static_cast<std::uint32_t>(place);
  }
  const auto class_of = [&](std::uint64_t position) -> Result<std::size_t> {
    if (classes.numbers == nullptr) {
      return std::size_t{0};
    }
    LUTHIER_TRY(const std::uint32_t number, classes.numbers->get(position));
    return std::size_t{places[number]};
  };
  for (std::uint64_t i = 0; i < rows.size(); ++i) {
    LUTHIER_TRY(const std::size_t place, class_of(i));
    class_sizes[place] += 1;
  }
  std::vector<std::size_t> order(count);  // groups
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(settings.seed);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return members.size(a) > members.size(b); });
  PartFiller filler(shares, class_sizes);
  SplitRows result{scratch.array(), scratch.array(), scratch.array()};
  const std::array<RowNumbers*, 3> rows_of_part{&result.train, &result.validation, &result.test};
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint64_t begin = members.begins[order[i]];
    const std::uint64_t end = members.begins[order[i] + 1];
    std::map<std::size_t, double> sizes;
    const auto take = [&](std::uint64_t position) -> Result<void> {
      LUTHIER_TRY(const std::size_t place, class_of(position));
      sizes[place] += 1;
      return {};
    };
    LUTHIER_TRY_VOID(members.positions.for_each(begin, end, take));
    RowNumbers& part = *rows_of_part[filler.choose(sizes, order.size() - i)];
    LUTHIER_TRY_VOID(members.rows.for_each(begin, end, [&](std::uint64_t row) { return part.push_back(row); }));
  }
  LUTHIER_TRY_VOID(put_in_order(result, settings, scratch, random));
  return result;
}

Result<void> keep_fraction(double fraction, std::uint64_t seed, const SplitScratch& scratch, RowNumbers& rows) {
  if (fraction >= 1 || rows.size() == 0) {
    return {};
  }
  const auto wanted = static_cast<std::uint64_t>(std::llround(fraction * static_cast<double>(rows.size())));
  Random random(seed ^ 0x6672616374696f6eULL);  // another sequence than that of the split
  LUTHIER_TRY_VOID(shuffle(rows, 0, rows.size(), scratch, random));
  RowNumbers kept = scratch.array();
  LUTHIER_TRY_VOID(
      rows.for_each(0, std::max<std::uint64_t>(wanted, 1), [&](std::uint64_t row) { return kept.push_back(row); }));
  rows = std::move(kept);
  return {};
}

}  // namespace luthier::data
