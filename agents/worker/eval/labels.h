// The labels of a classification: which there are, and how each is written as a completion. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agents/worker/formats/dataset.h"

namespace luthier::worker {

class Labels {
 public:
  // `wanted`: the labels by name, surrounding whitespace not counting; empty: the distinct completions of
  // `records`, when they are few (at most 64, and each seen at least twice on average). A label is written as the
  // records write it; one that no record has begins with the whitespace that the first completion begins with.
  [[nodiscard]] static Labels find(const std::vector<std::string>& wanted, const std::vector<Record>& records);

  [[nodiscard]] bool empty() const { return names_.empty(); }
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }              // trimmed, sorted
  [[nodiscard]] const std::vector<std::string>& completions() const { return completions_; }  // in the same order
  // Index of the label that a completion says; nullopt when it says none of them.
  [[nodiscard]] std::optional<std::size_t> index_of(std::string_view completion) const;

 private:
  std::vector<std::string> names_;
  std::vector<std::string> completions_;
};

// Without whitespace at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace luthier::worker
