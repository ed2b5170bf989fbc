// The file's own keys. The inputs and outputs of step types are in step_types.cc.
#include "pipelines/spec/declaration.h"

#include "pipelines/spec/shapes.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {
namespace {

using shapes::list_of;
using shapes::map_of;
using shapes::number;
using shapes::object;
using shapes::of;
using shapes::one_of;
using shapes::text_of;
using shapes::with_expressions;

Shape param_shape() {
  return object({
      {"type", text_of({"string", "int", "float", "bool", "path", "choice"}), "Type of the value.", true, {}},
      {"default", of(Kind::kScalar), "Value when none is given.", false, {}},
      {"required", of(Kind::kBool), "Whether a run must give a value; true when there is no default.", false, {}},
      {"min", of(Kind::kFloat), "Least number (int, float).", false, {}},
      {"max", of(Kind::kFloat), "Greatest number (int, float).", false, {}},
      {"choices", list_of(of(Kind::kScalar), 1, 100), "The values allowed; needed by type choice.", false, {}},
      {"description", of(Kind::kString), "What it is, for people.", false, {}},
  });
}

Shape retry_shape() {
  return one_of({
      number(Kind::kInt, 0, 100),
      object({
          {"infrastructure", number(Kind::kInt, 0, 100), "Retries after a lost agent or a killed process.", false, 5},
          {"preemption", number(Kind::kInt, 0, 1000), "Retries after the step was moved off a drained agent.", false,
           20},
          {"user", number(Kind::kInt, 0, 100), "Retries after a failure of the step itself.", false, 0},
          {"backoff", of(Kind::kBackoff), "First and longest pause between tries.", false, "1s..1m"},
      }),
  });
}

Shape resources_shape() {
  return object({
      {"nodes", number(Kind::kInt, 1, 1024), "Agents, each with a process and these resources; for `run` only.", false,
       1},
      {"gpus", number(Kind::kInt, 0, 64), "GPUs of each node.", false, 0},
      {"cpus", number(Kind::kFloat, 0.01, 4096), "CPU cores of each node.", false, 1},
      {"memory", of(Kind::kBytes), "Memory of each node, such as 24GiB.", false, {}},
      {"labels", map_of(of(Kind::kString), 1, 32), "Labels that the agent must have, each with its value.", false, {}},
  });
}

Shape step_shape() {
  return object({
      {"uses", of(Kind::kStepType), "Step type.", true, {}},
      {"with", of(Kind::kStepInputs), "Inputs of the step type.", false, {}},
      {"needs",
       one_of({of(Kind::kName), list_of(of(Kind::kName), 0, 500)}),
       "Steps that must succeed first; those named in expressions are added.",
       false,
       {}},
      {"if", of(Kind::kCondition), "Run only if this expression holds.", false, {}},
      {"resources", resources_shape(), "What an attempt is promised.", false, {}},
      {"retry", retry_shape(), "Retry budgets; a plain number is the user budget.", false, {}},
      {"timeout", of(Kind::kDuration), "Time limit of one attempt.", false, {}},
      {"matrix",
       map_of(with_expressions(list_of(of(Kind::kScalar), 1, kMatrixMembersMax)), 1, 8),
       "One member per combination of values.",
       false,
       {}},
      {"exclude",
       list_of(with_expressions(map_of(of(Kind::kScalar), 1, 8)), 1, kMatrixMembersMax),
       "Combinations of the matrix to leave out.",
       false,
       {}},
      {"include",
       list_of(with_expressions(map_of(of(Kind::kScalar), 1, 16)), 1, kMatrixMembersMax),
       "Further members of the matrix, or further values for its members.",
       false,
       {}},
      {"max_parallel", number(Kind::kInt, 1, 4096), "How many members of the matrix may run at once.", false, {}},
      {"priority", number(Kind::kInt, -100, 100), "Higher goes first when resources are short.", false, 0},
      {"exclusive", of(Kind::kBool), "Never let two attempts run at once, even while the controller is away.", false,
       false},
      {"cache",
       of(Kind::kBool),
       "Whether outputs of an earlier step with the same inputs may be taken instead; by default all but `run` do.",
       false,
       {}},
  });
}

Shape triggers_shape() {
  return object({
      {"schedule",
       object({{"cron", of(Kind::kString), "Five cron fields.", true, {}},
               {"timezone", of(Kind::kString), "IANA name.", false, "UTC"},
               {"missed", text_of({"skip", "run_once", "run_all"}), "What to do about missed ticks.", false, "skip"}}),
       "Start by the clock.",
       false,
       {}},
      {"data",
       object({{"path", of(Kind::kString), "Folder or s3:// pattern to watch.", true, {}},
               {"min_new_examples", number(Kind::kInt, 1, 1e12), "Least number of new records.", false, {}},
               {"debounce", of(Kind::kDuration), "Quiet time before a start.", false, {}}}),
       "Start when data arrives.",
       false,
       {}},
      {"git",
       object({{"branch", of(Kind::kString), "Branch to watch.", true, {}},
               {"paths", list_of(of(Kind::kString), 1, 100), "Start only if one of these changed.", false, {}}}),
       "Start on a push.",
       false,
       {}},
  });
}

Shape integrations_shape() {
  const Shape webhook = with_expressions(object({
      {"url", of(Kind::kString), "Where to post.", true, {}},
      {"secret", of(Kind::kString), "Signing secret, as ${{ secrets.NAME }}.", false, {}},
      {"events", list_of(of(Kind::kString), 1, 100), "Names of events; all when absent.", false, {}},
  }));
  return object({
      {"wandb",
       with_expressions(object({{"project", of(Kind::kString), "Project name.", true, {}},
                                {"entity", of(Kind::kString), "Team or user.", false, {}},
                                {"tags", list_of(of(Kind::kString), 0, 100), "Tags of the run.", false, {}}})),
       "Mirror runs to Weights & Biases.",
       false,
       {}},
      {"webhooks", list_of(webhook, 1, 20), "Tell these addresses.", false, {}},
  });
}

}  // namespace

const Shape& pipeline_shape() {
  static const Shape shape = object({
      {"name", of(Kind::kName), "Name of the pipeline, and of the model that it promotes.", true, {}},
      {"description", of(Kind::kString), "What it is for, for people.", false, {}},
      {"on", triggers_shape(), "Triggers; not active yet.", false, {}},
      {"triggers", triggers_shape(), "The same as `on`.", false, {}},
      {"params", map_of(param_shape(), 0, 100), "Values that a run may set.", false, {}},
      {"integrations", integrations_shape(), "Who is told; not active yet.", false, {}},
      {"defaults",
       object({{"retry", retry_shape(), "For steps without their own.", false, {}},
               {"timeout", of(Kind::kDuration), "For steps without their own.", false, {}},
               {"resources", resources_shape(), "For steps without their own.", false, {}}}),
       "Settings that steps inherit.",
       false,
       {}},
      {"steps", map_of(step_shape(), 1, kStepsMax), "The work, by name.", true, {}},
  });
  return shape;
}

const StepType* find_step_type(std::string_view name) {
  for (const StepType& type : step_types()) {
    if (type.name == name) {
      return &type;
    }
  }
  return nullptr;
}

const Field* find_field(const Shape& shape, std::string_view key) {
  for (const Field& field : shape.fields) {
    if (field.key == key) {
      return &field;
    }
  }
  return nullptr;
}

const Shape& option_for(const Shape& shape, Form form) {
  if (shape.kind != Kind::kOneOf) {
    return shape;
  }
  for (const Shape& option : shape.options) {
    const bool list = option.kind == Kind::kList;
    const bool map = option.kind == Kind::kMap || option.kind == Kind::kObject;
    if (form == Form::kList ? list : form == Form::kMap ? map : !list && !map) {
      return option;
    }
  }
  return shape.options.front();
}

}  // namespace luthier::spec
