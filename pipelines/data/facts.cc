#include "pipelines/data/facts.h"

#include <algorithm>
#include <limits>

namespace luthier::data {
namespace {

constexpr std::size_t kBytesOfName = 96;  // beside its text

}  // namespace

std::optional<std::uint32_t> Tally::add(const std::string& name) {
  if (overflowed_) {
    return std::nullopt;
  }
  auto known = numbers_.find(name);
  if (known == numbers_.end()) {
    bytes_ += name.size() + kBytesOfName;
    if (names_.size() == names_max_ || bytes_ > bytes_max_) {
      overflowed_ = true;
      numbers_ = {};
      names_ = {};
      counts_ = {};
      return std::nullopt;
    }
    known = numbers_.emplace(name, static_cast<std::uint32_t>(names_.size())).first;
    names_.push_back(&known->first);
    counts_.push_back(0);
  }
  ++counts_[known->second];
  return known->second;
}

std::vector<std::uint32_t> Tally::by_name() const {
  std::vector<std::uint32_t> numbers(names_.size());
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    numbers[i] = static_cast<std::uint32_t>(i);
  }
  std::sort(numbers.begin(), numbers.end(),
            [this](std::uint32_t left, std::uint32_t right) { return *names_[left] < *names_[right]; });
  return numbers;
}

Result<void> NamedRows::add(const std::string& name) {
  const auto number = names.add(name);
  if (number) {
    return numbers.push_back(*number);
  }
  numbers.clear();
  return {};
}

Facts::Facts(const Records& records)
    : rows(records.folder(), records.memory_bytes() / 8),
      classes(records.folder(), records.memory_bytes() / 8, kClassesMax, kClassesBytesMax),
      groups(records.folder(), records.memory_bytes() / 8, std::numeric_limits<std::uint32_t>::max(),
             records.memory_bytes() / 2) {}

Result<Facts> gather_facts(Records& records, Report& report, const FactsOptions& options) {
  Facts facts(records);
  ShapeFinder shape(records.folder(), records.memory_bytes() / 8);
  CommonAffix prompts(End::kBack);
  CommonAffix completions(End::kBack);
  const auto take = [&](std::uint64_t row, const Record& record) -> Result<void> {
    LUTHIER_TRY_VOID(facts.rows.push_back(row));
    if (options.grouped) {
      LUTHIER_TRY_VOID(facts.groups.add(record.group));
    }
    if (options.has_labels) {
      LUTHIER_TRY_VOID(facts.classes.add(record.label));
    }
    if (!options.pairs) {
      return {};
    }
    prompts.add(record.prompt);
    completions.add(record.completion);
    facts.all_begin_with_space = facts.all_begin_with_space && record.completion.starts_with(' ');
    LUTHIER_TRY_VOID(shape.add(record));
    if (options.classes_needed) {
      return facts.classes.add(record.completion);
    }
    (void)facts.classes.names.add(record.completion);
    return {};
  };
  LUTHIER_TRY_VOID(records.for_each(report, take));
  if (facts.groups.names.overflowed()) {
    return Error{ErrorCode::kResourceExhausted, "`split.group` has more different values than memory may hold (" +
                                                    std::to_string(records.memory_bytes() >> 20) +
                                                    " MiB); give more with --memory, or leave it out"};
  }
  facts.prompt_suffix = prompts.text();
  facts.completion_suffix = completions.text();
  LUTHIER_TRY(facts.shape, shape.finish());
  facts.different_completions = shape.different();
  return facts;
}

}  // namespace luthier::data
