#include "pipelines/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/random.h"

namespace luthier::data {
namespace {

void shuffle(std::vector<std::size_t>& rows, Random& random) {
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[random.below(i)]);
  }
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

}  // namespace

Result<SplitRows> split_rows(const std::vector<std::string>& groups, const SplitSettings& settings) {
  std::map<std::string, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    members[groups[i]].push_back(i);
  }
  const std::size_t validation_wanted = rows_wanted(settings.validation, groups.size());
  const std::size_t test_wanted = rows_wanted(settings.test, groups.size());
  if (validation_wanted + test_wanted + members.size() > groups.size()) {
    return Error{ErrorCode::kInvalidArgument,
                 std::to_string(groups.size()) + " rows are too few to split into training, " +
                     std::to_string(validation_wanted) + " of validation and " + std::to_string(test_wanted) +
                     " of test; add data or lower the fractions of `split`"};
  }
  std::vector<std::size_t> sizes;
  std::vector<std::size_t> room;
  for (const auto& [group, rows] : members) {
    sizes.push_back(rows.size());
    room.push_back(rows.size() - 1);
  }
  const std::vector<std::size_t> validation = share_out(validation_wanted, sizes, room);
  for (std::size_t i = 0; i < room.size(); ++i) {
    room[i] -= validation[i];
  }
  const std::vector<std::size_t> test = share_out(test_wanted, sizes, room);
  SplitRows result;
  Random random(settings.seed);
  std::size_t group_index = 0;
  for (auto& [group, rows] : members) {
    shuffle(rows, random);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool validates = i < validation[group_index];
      const bool tests = !validates && i < validation[group_index] + test[group_index];
      (validates ? result.validation : tests ? result.test : result.train).push_back(rows[i]);
    }
    ++group_index;
  }
  shuffle(result.train, random);
  shuffle(result.validation, random);
  shuffle(result.test, random);
  return result;
}

}  // namespace luthier::data
