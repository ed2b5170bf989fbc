#include "pipelines/data/split.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "base/check.h"
#include "base/random.h"

namespace luthier::data {
namespace {

void shuffle(std::vector<std::size_t>& rows, Random& random) {
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[random.below(i)]);
  }
}

void put_in_order(SplitRows& rows, const SplitSettings& settings, Random& random) {
  for (std::vector<std::size_t>* part : {&rows.train, &rows.validation, &rows.test}) {
    if (settings.keep_order) {
      std::sort(part->begin(), part->end());
    } else {
      shuffle(*part, random);
    }
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

// Gives whole groups to the parts train, validation and test, each where its classes are furthest below their share.
class PartFiller {
 public:
  PartFiller(const std::array<double, 3>& shares, const std::map<std::string, double>& class_sizes) : shares_(shares) {
    for (std::size_t part = 0; part < shares_.size(); ++part) {
      for (const auto& [name, size] : class_sizes) {
        wanted_[part][name] = shares_[part] * size;
      }
    }
  }

  // `groups_left` counts this one. A part without a group gets one before groups run out.
  std::size_t choose(const std::vector<std::size_t>& rows, const std::vector<std::string>& classes,
                     std::size_t groups_left) {
    std::map<std::string, double> sizes;
    for (const std::size_t row : rows) {
      sizes[classes[row]] += 1;
    }
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
      for (const auto& [name, size] : sizes) {
        // How far the part would be from its share afterwards, against how far it is now, in parts of the share.
        const double missing = wanted_[part].at(name);
        score += (std::abs(missing) - std::abs(missing - size)) / shares_[part];
      }
      if (score > best_score) {
        best_score = score;
        best = part;
      }
    }
    for (const auto& [name, size] : sizes) {
      wanted_[best].at(name) -= size;
    }
    ++groups_[best];
    return best;
  }

 private:
  std::array<double, 3> shares_;
  std::array<std::map<std::string, double>, 3> wanted_;  // rows of each class that a part still lacks
  std::array<std::size_t, 3> groups_{};
};

}  // namespace

Result<SplitRows> split_rows(const std::vector<std::string>& groups, const SplitSettings& settings) {
  std::map<std::string, std::vector<std::size_t>> members;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    members[groups[i]].push_back(i);
  }
  const std::size_t validation_wanted =
      settings.validation_rows.value_or(rows_wanted(settings.validation, groups.size()));
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
  put_in_order(result, settings, random);
  return result;
}

Result<SplitRows> split_groups(const std::vector<std::string>& keys, const std::vector<std::string>& classes,
                               const SplitSettings& settings) {
  LUTHIER_CHECK(keys.size() == classes.size());
  std::map<std::string, std::vector<std::size_t>> members;
  std::map<std::string, double> class_sizes;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    members[keys[i]].push_back(i);
    class_sizes[classes[i]] += 1;
  }
  const std::array<double, 3> shares = {1 - settings.validation - settings.test, settings.validation, settings.test};
  const auto parts =
      static_cast<std::size_t>(std::count_if(shares.begin(), shares.end(), [](double share) { return share > 0; }));
  if (members.size() < parts) {
    return Error{ErrorCode::kInvalidArgument, "`split.group` has " + std::to_string(members.size()) +
                                                  " different values, too few for " + std::to_string(parts) +
                                                  " parts; add data or leave `group` out"};
  }
  std::vector<const std::vector<std::size_t>*> order;
  for (const auto& [key, rows] : members) {
    order.push_back(&rows);
  }
  Random random(settings.seed);
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[random.below(i)]);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->size() > b->size(); });
  PartFiller filler(shares, class_sizes);
  std::array<std::vector<std::size_t>, 3> rows_of_part;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t part = filler.choose(*order[i], classes, order.size() - i);
    rows_of_part[part].insert(rows_of_part[part].end(), order[i]->begin(), order[i]->end());
  }
  SplitRows result{std::move(rows_of_part[0]), std::move(rows_of_part[1]), std::move(rows_of_part[2])};
  put_in_order(result, settings, random);
  return result;
}

}  // namespace luthier::data
