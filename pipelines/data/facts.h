// Facts: what is known of all records once they are repaired, and which rows they are, by class and by group, so that
// they can be split without being looked at again. Bounded memory, but for the names of groups.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "pipelines/data/records.h"
#include "pipelines/data/statistics.h"

namespace luthier::data {

// Names with how often they come, by numbers in order of first appearance. Gives up beyond its bounds.
class Tally {
 public:
  Tally(std::size_t names_max, std::size_t bytes_max) : names_max_(names_max), bytes_max_(bytes_max) {}

  // nullopt once there are too many.
  std::optional<std::uint32_t> add(const std::string& name);
  [[nodiscard]] bool overflowed() const { return overflowed_; }
  [[nodiscard]] std::size_t size() const { return names_.size(); }
  [[nodiscard]] const std::string& name(std::size_t number) const { return *names_[number]; }
  [[nodiscard]] std::uint64_t count(std::size_t number) const { return counts_[number]; }
  // Their numbers, in order of names.
  [[nodiscard]] std::vector<std::uint32_t> by_name() const;

 private:
  std::size_t names_max_;
  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  bool overflowed_ = false;
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<const std::string*> names_;
  std::vector<std::uint64_t> counts_;
};

// More different answers than this, or longer ones, are no classes. Not a matter of the memory that is given, so that
// results do not hang on it.
inline constexpr std::size_t kClassesMax = 100'000;
inline constexpr std::size_t kClassesBytesMax = std::size_t{24} << 20;

// A value for each row, and the values' names.
struct NamedRows {
  NamedRows(const std::filesystem::path& folder, std::size_t memory_bytes, std::size_t names_max,
            std::size_t names_bytes_max)
      : numbers(folder, memory_bytes), names(names_max, names_bytes_max) {}
  scratch::DiskArray<std::uint32_t> numbers;  // of each row kept; none once `names` has overflowed
  Tally names;
  [[nodiscard]] Result<void> add(const std::string& name);
};

struct Facts {
  explicit Facts(const Records& records);
  scratch::DiskArray<std::uint64_t> rows;  // those kept, in order
  Shape shape = Shape::kOpenEnded;         // as inferred
  std::uint64_t different_completions = 0;
  std::string prompt_suffix;
  std::string completion_suffix;
  bool all_begin_with_space = true;
  NamedRows classes;  // completions of pairs; last answers of conversations
  NamedRows groups;   // where they are asked for
};

struct FactsOptions {
  bool pairs = true;           // prompts and completions
  bool has_labels = false;     // conversations
  bool classes_needed = true;  // for each row
  bool grouped = false;
};

// kResourceExhausted: more names of groups than memory may hold.
[[nodiscard]] Result<Facts> gather_facts(Records& records, Report& report, const FactsOptions& options);

}  // namespace luthier::data
