// Expressions: evaluation, substitution in text, and the steps that an expression names.
#include "pipelines/plan/expression.h"
#include "tests/fuzz/fuzz.h"

namespace {

const luthier::plan::Scope& scope() {
  static const auto kScope = nlohmann::json::parse(R"({
    "params": {"epochs": 3, "rate": 0.5, "name": "sports", "empty": "", "list": [1, 2, 3], "none": null},
    "matrix": {"lr": 0.1},
    "run": {"id": "r-1", "pipeline": "p"},
    "needs": [{"id": "prepare", "status": "succeeded"}, {"id": "skipped", "status": "skipped"}],
    "steps": {
      "prepare": {"status": "succeeded", "outputs": {"rows": {"kept": 90}, "labels": ["baseball", "hockey"]}},
      "skipped": {"status": "skipped", "outputs": null},
      "train[lr=0.1]": {"status": "succeeded", "outputs": {"loss": 1.5}},
      "train[lr=0.2]": {"status": "failed", "outputs": null}
    }})");
  return kScope;
}

}  // namespace

void luthier::fuzz::one_input(std::string_view bytes) {
  if (const auto value = plan::evaluate(bytes, scope())) {
    (void)plan::truth_of(*value);
  } else {
    LUTHIER_CHECK(!value.error().message.empty());
  }
  (void)plan::steps_in_expression(bytes, scope());
  const nlohmann::json text = std::string(bytes);
  (void)plan::substitute(text, scope());
  (void)plan::referenced_steps(text, scope());
}
