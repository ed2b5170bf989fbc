// Conclusions: what only all examples together can say: too few, which task, labels, what dominates, mixed kinds.
#pragma once

#include "pipelines/data/check/report.h"

namespace luthier::data::check {

// Fills task, labels and kind of `report` and adds findings. `totals`: of the training file. Pure.
void conclude(const Totals& totals, Report& report);

// The kind of most records; kUnknown without any.
[[nodiscard]] RecordKind main_kind(const Totals& totals);

}  // namespace luthier::data::check
