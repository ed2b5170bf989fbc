// A pipeline file: parse_spec, its messages, and the plan of what parses.
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  const spec::ParsedSpec parsed = spec::parse_spec(bytes, "f.yaml");
  LUTHIER_CHECK(parsed.spec.has_value() == parsed.errors.empty());
  for (const spec::Diagnostic& error : parsed.errors) {
    LUTHIER_CHECK(!error.message.empty());
    LUTHIER_CHECK(!spec::render(error, bytes).empty());
  }
  if (!parsed.spec) {
    return;
  }
  const plan::MadePlan made = plan::make_plan(*parsed.spec, {}, {}, plan::PlanMode::kOffline);
  LUTHIER_CHECK(made.plan.has_value() == made.errors.empty());
  if (made.plan) {
    const auto read = plan::plan_from_json(plan::to_json(*made.plan));
    LUTHIER_CHECK(read.has_value() && *read == *made.plan);
  }
}
