// The params of one run: given values checked against their declaration, defaults filled in. Pure.
#pragma once

#include "pipelines/plan/make_plan.h"

namespace luthier::plan {

// An object with every param: a value, or null for an optional one that was not given. With `allow_missing` a
// required one that was not given is left out; otherwise it is an error.
[[nodiscard]] Json resolve_params(const spec::Spec& spec, const ParamValues& given, bool allow_missing,
                                  std::vector<spec::Diagnostic>& errors);

}  // namespace luthier::plan
