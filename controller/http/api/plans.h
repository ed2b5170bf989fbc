// POST /api/v1/plans and GET /api/v1/runs/{run}/plan.
#pragma once

#include "controller/http/api/api.h"

namespace luthier::http::api {

void add_plan_routes(Router& router, Services& services);

}  // namespace luthier::http::api
