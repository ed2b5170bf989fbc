// The checks that look across the file: names in ${{ }} and in needs, cycles, params against their own bounds.
#pragma once

#include <string_view>
#include <vector>

#include "pipelines/spec/spec.h"

namespace luthier::spec {

// Appends one error per violation. `source` is the file's text: it tells where inside a value an expression stands.
void check_references(const Spec& spec, const LocatedJson& file, std::string_view source,
                      std::vector<Diagnostic>& errors);

}  // namespace luthier::spec
