// The checks of prompt/completion records, and of the whitespace around answers.
#pragma once

#include <string_view>

#include "pipelines/data/check/record_context.h"
#include "pipelines/data/check/totals.h"

namespace luthier::data::check {

struct CompletionFacts {
  std::string_view prompt;
  std::string_view completion;
};

// Also counts the answer, how it begins and ends: what is right there only all completions together can say.
CompletionFacts check_completion(const RecordContext& context, simdjson::dom::object record, Totals& totals);

// Whether a record without prompt and completion has both under names that people give them: text and label, question
// and answer, …
[[nodiscard]] bool has_other_names(simdjson::dom::object record);

// Of a chat's answer: there, no whitespace around it is right.
void check_answer_space(const RecordContext& context, std::string_view answer);

}  // namespace luthier::data::check
