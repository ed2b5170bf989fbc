// Which outputs a step of a pipeline gives: those of its type, or those that a `run` step declares.
#pragma once

#include <optional>
#include <vector>

#include "pipelines/spec/declaration.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {

// Empty when its outputs are known only when it has ended, or its type is unknown.
[[nodiscard]] std::optional<std::vector<Output>> outputs_of(const Step& step);

}  // namespace luthier::spec
