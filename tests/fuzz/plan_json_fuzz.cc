// A plan as the journal and the HTTP API carry it.
#include "pipelines/plan/plan.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  const nlohmann::json json = nlohmann::json::parse(bytes, nullptr, false);
  const auto plan = plan::plan_from_json(json);
  if (!plan) {
    LUTHIER_CHECK(!plan.error().message.empty());
    return;
  }
  const auto again = plan::plan_from_json(plan::to_json(*plan));
  LUTHIER_CHECK(again.has_value());
  LUTHIER_CHECK(*again == *plan);
}
