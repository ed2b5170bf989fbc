// The checks of prompt/completion records, and of the whitespace around answers.
#pragma once

#include <optional>
#include <string_view>

#include "pipelines/data/check/record_context.h"
#include "pipelines/data/check/totals.h"
#include "pipelines/data/read/pair_names.h"

namespace luthier::data::check {

struct CompletionFacts {
  std::string_view prompt;
  std::string_view completion;
};

// Also counts the answer, how it begins and ends: what is right there only all completions together can say.
CompletionFacts check_completion(const RecordContext& context, simdjson::dom::object record, Totals& totals);

// As read::pick_pair_names().
[[nodiscard]] std::optional<read::PairNames> pair_names_of(simdjson::dom::object record);

// Of a chat's answer: there, no whitespace around it is right.
void check_answer_space(const RecordContext& context, std::string_view answer);

}  // namespace luthier::data::check
