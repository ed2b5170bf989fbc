// Checks of `run` steps that their declaration cannot say: paths that must stay inside, keys that need each other.
#pragma once

#include <vector>

#include "pipelines/spec/spec.h"

namespace luthier::spec {

// Appends errors. Text that holds an expression is left to those who know its value.
void check_run_steps(const Spec& spec, std::vector<Diagnostic>& errors);

}  // namespace luthier::spec
