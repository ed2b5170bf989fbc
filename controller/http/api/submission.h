// What POST /api/v1/runs and POST /api/v1/plans read alike: a pipeline with its params and sources.
#pragma once

#include <string>
#include <vector>

#include "controller/http/api/api.h"
#include "pipelines/plan/make_plan.h"

namespace luthier::http::api {

struct Submission {
  std::string yaml;
  std::string file;
  plan::ParamValues params;
  plan::SourceMap sources;
  bool cache = true;   // false: every step runs
  std::string commit;  // of the repository that the file lies in; empty: not known
};

enum class Sources {
  kMustBeHere,  // every source is an artifact of this controller
  kNamed,       // digests suffice: nothing will read them
};
[[nodiscard]] Result<Submission> read_submission(Services& services, const Request& request, Sources sources);

// The plan of it, or the answer that lists every error with its place.
struct PlannedSubmission {
  std::optional<plan::Plan> plan;
  Response refusal;  // when there is no plan
};
[[nodiscard]] PlannedSubmission plan_submission(const Submission& submission);

}  // namespace luthier::http::api
