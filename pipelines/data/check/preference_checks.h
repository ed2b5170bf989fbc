// The checks of preference records: an input and two answers to it.
#pragma once

#include <string_view>
#include <vector>

#include "pipelines/data/check/record_context.h"

namespace luthier::data::check {

// Appends what the record says to `texts`. The members' older names, preferred_completion and non_preferred_completion,
// mean the same.
void check_preference(const RecordContext& context, simdjson::dom::object record, std::vector<std::string_view>& texts);

}  // namespace luthier::data::check
