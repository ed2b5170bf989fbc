// The names that people give prompts and completions: text and label, question and answer, … One table for whoever
// reads records. Pure.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "pipelines/data/read/example.h"

namespace luthier::data::read {

// In lower case; the best come first.
[[nodiscard]] std::span<const std::string_view> prompt_names();
[[nodiscard]] std::span<const std::string_view> completion_names();

struct PairNames {
  std::string_view prompt;
  std::string_view completion;
};

// Which of a record's members are its prompt and its completion: `prompt` and `completion` when one of them is there,
// else the first of prompt_names() and of completion_names(), in any case. nullopt when one of the two is missing. The
// names are those of the record, which must outlive them.
[[nodiscard]] std::optional<PairNames> pick_pair_names(std::span<const std::string_view> members);
[[nodiscard]] std::optional<PairNames> find_pair_names(const Json& record);

}  // namespace luthier::data::read
