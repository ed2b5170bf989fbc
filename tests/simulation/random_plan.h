// Random pipelines, as plans: graphs with conditions, fan-out, retries, trainings with checkpoints and the
// controller's own steps.
#pragma once

#include "base/random.h"
#include "pipelines/plan/plan.h"

namespace luthier::simulation {

[[nodiscard]] plan::Plan random_plan(Random& random, int number);

}  // namespace luthier::simulation
