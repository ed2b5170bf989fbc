#include "pipelines/plan/make_plan.h"

#include <algorithm>

#include "pipelines/plan/expression.h"
#include "pipelines/plan/matrix.h"
#include "pipelines/plan/resolve_params.h"
#include "pipelines/spec/check_value.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/graph.h"
#include "pipelines/spec/syntax.h"

namespace luthier::plan {
namespace {

using spec::Diagnostic;
using spec::LocatedJson;
using spec::Position;

class Planner {
 public:
  Planner(const spec::Spec& spec, const SourceMap& sources, PlanMode mode, std::vector<Diagnostic>& errors)
      : spec_(spec), sources_(sources), mode_(mode), errors_(errors) {}

  Plan plan(const ParamValues& given) {
    plan_.pipeline = spec_.name;
    plan_.params = resolve_params(spec_, given, mode_ == PlanMode::kOffline, errors_);
    if (!errors_.empty()) {
      return plan_;  // without params every later message would mislead
    }
    for (const spec::Step& step : spec_.steps) {
      for (Json& member : expand_matrix(spec_, step, plan_.params, errors_)) {
        add_step(step, std::move(member));
      }
      if (plan_.steps.size() > spec::kStepsMax) {
        error(step.at, "with the matrix of '" + step.name + "' the plan has more than " +
                           std::to_string(spec::kStepsMax) + " steps; split the pipeline");
        return plan_;
      }
    }
    link();
    order();
    return std::move(plan_);
  }

  std::vector<LocalPath> paths;

 private:
  void error(Position at, std::string message) { errors_.push_back({spec_.file, at, std::move(message)}); }

  void add_step(const spec::Step& from, Json matrix) {
    const spec::StepType* type = spec::find_step_type(from.uses);
    LUTHIER_CHECK(type != nullptr);  // parse_spec refuses others
    Step step;
    step.id = StepId{member_id(from, matrix)};
    step.name = from.name;
    step.uses = from.uses;
    step.place = type->place == spec::StepPlace::kAgent ? Place::kAgent : Place::kController;
    step.matrix = std::move(matrix);
    step.line = from.at.line;
    step.priority = from.priority;
    step.max_parallel = from.max_parallel;
    step.exclusive = from.exclusive;
    step.cache = from.cache;
    fill_settings(from, step);
    step.condition = condition_of(from);
    const Json scope{{"params", plan_.params}, {"matrix", step.matrix}};
    step.with = substitute_known(from.with, "", from.with.json, scope);
    spec::check_value(step.with, type->inputs, from.with, "", spec_.file, errors_);
    spec::fill_defaults(step.with, type->inputs);
    replace_paths(step.with, type->inputs, "", from, step.id);
    plan_.steps.push_back(std::move(step));
  }

  void fill_settings(const spec::Step& from, Step& step) {
    const spec::Defaults& defaults = spec_.defaults;
    const auto first = [](const auto& own, const auto& inherited, auto& value) {
      if (own || inherited) {
        value = own ? *own : *inherited;
      }
    };
    first(from.retry.infrastructure, defaults.retry.infrastructure, step.retry.infrastructure);
    first(from.retry.preemption, defaults.retry.preemption, step.retry.preemption);
    first(from.retry.user, defaults.retry.user, step.retry.user);
    first(from.retry.backoff_min, defaults.retry.backoff_min, step.retry.backoff_min);
    first(from.retry.backoff_max, defaults.retry.backoff_max, step.retry.backoff_max);
    first(from.timeout, defaults.timeout, step.timeout);
    if (step.place == Place::kController) {
      return;  // no process, so nothing to promise
    }
    first(from.resources.nodes, defaults.resources.nodes, step.resources.nodes);
    first(from.resources.gpus, defaults.resources.gpus, step.resources.gpus);
    first(from.resources.cpus, defaults.resources.cpus, step.resources.cpus);
    first(from.resources.memory_bytes, defaults.resources.memory_bytes, step.resources.memory_bytes);
    first(from.resources.labels, defaults.resources.labels, step.resources.labels);
  }

  // A condition that asks for no status itself holds only after success.
  static std::string condition_of(const spec::Step& from) {
    if (from.condition.empty()) {
      return "";
    }
    std::string text = from.condition;
    text.erase(0, text.find_first_not_of(" \t\r\n"));
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
    const spec::ParsedExpression parsed = spec::parse_expression(text);
    const bool asks = parsed.root && spec::calls_any(*parsed.root, {"success", "failure", "always"});
    return asks ? text : "success() && (" + text + ")";
  }

  // True when the expression needs nothing but params and the matrix, all of them known.
  [[nodiscard]] bool is_known(std::string_view source, const Json& scope) const {
    const spec::ParsedExpression parsed = spec::parse_expression(source);
    if (!parsed.root) {
      return true;  // evaluating it gives the error
    }
    const std::vector<spec::Reference> found = spec::references(*parsed.root);
    return std::all_of(found.begin(), found.end(), [&scope](const spec::Reference& reference) {
      const std::string& root = reference.path[0];
      if (root != "params" && root != "matrix") {
        return false;
      }
      return reference.path.size() < 2 || is_value(scope[root], reference.path[1], root == "params");
    });
  }

  // Offline a required param may be missing, and a matrix value that mentions it is still an expression.
  static bool is_value(const Json& names, const std::string& name, bool param) {
    const auto found = names.find(name);
    return found == names.end() ? !param : !holds_expression(*found);
  }

  // A string whose expressions are all known is replaced; any other waits as a whole, so that no param's text is ever
  // read as an expression.
  Json substitute_known(const LocatedJson& located, const std::string& pointer, const Json& value, const Json& scope) {
    if (value.is_array()) {
      Json list = Json::array();
      for (std::size_t i = 0; i < value.size(); ++i) {
        list.push_back(substitute_known(located, spec::pointer_to(pointer, std::to_string(i)), value[i], scope));
      }
      return list;
    }
    if (value.is_object()) {
      Json map = Json::object();
      for (const auto& [key, member] : value.items()) {
        Json replaced = substitute_known(located, spec::pointer_to(pointer, key), member, scope);
        if (!replaced.is_null() || member.is_null()) {  // an optional param that was not given leaves its key out
          map[key] = std::move(replaced);
        }
      }
      return map;
    }
    if (!value.is_string() || !spec::has_expression(value.get_ref<const std::string&>())) {
      return value;
    }
    const spec::Pieces pieces = spec::split_expressions(value.get_ref<const std::string&>());
    for (const spec::Piece& piece : pieces.pieces) {
      if (piece.is_expression && !is_known(piece.text, scope)) {
        return value;
      }
    }
    auto replaced = substitute(value, scope);
    if (!replaced) {
      error(located.at(pointer), replaced.error().message);
      return value;
    }
    if (holds_expression(*replaced)) {
      error(located.at(pointer), "the value of this expression must not hold ${{");
      return value;
    }
    return std::move(*replaced);
  }

  static bool holds_expression(const Json& value) {
    if (value.is_string()) {
      return spec::has_expression(value.get_ref<const std::string&>());
    }
    return value.is_structured() && std::any_of(value.begin(), value.end(), holds_expression);
  }

  void replace_paths(Json& value, const spec::Shape& shape, const std::string& pointer, const spec::Step& from,
                     const StepId& id) {
    if (shape.kind == spec::Kind::kPath && value.is_string() &&
        !spec::has_expression(value.get_ref<const std::string&>())) {
      return replace_path(value, pointer, from, id);
    }
    if (shape.repository && value.is_array()) {
      return replace_files(value, pointer, from, id);
    }
    if (!value.is_object()) {
      return;
    }
    for (auto& [key, member] : value.items()) {
      if (shape.kind == spec::Kind::kMap) {
        replace_paths(member, shape.options.front(), spec::pointer_to(pointer, key), from, id);
      }
      for (const spec::Field& field : shape.fields) {
        if (field.key == key) {
          replace_paths(member, field.shape, spec::pointer_to(pointer, key), from, id);
        }
      }
    }
  }

  // Patterns of files in the repository are one source.
  void replace_files(Json& value, const std::string& pointer, const spec::Step& from, const StepId& id) {
    LocalPath path{id,
                   pointer.substr(1),
                   "repository:" + value.dump(-1, ' ', false, Json::error_handler_t::replace),
                   from.with.at(pointer),
                   {}};
    for (std::size_t i = 0; i < value.size(); ++i) {
      const std::string pattern = value[i].is_string() ? value[i].get<std::string>() : "";
      if (spec::has_expression(pattern) && mode_ == PlanMode::kRun) {
        error(from.with.at(spec::pointer_to(pointer, std::to_string(i))),
              "which files are taken must be known before the run; name params, not outputs of steps");
      }
      path.patterns.push_back(pattern);
    }
    const Position at = path.at;
    const auto found = sources_.find(path.path);
    paths.push_back(std::move(path));
    if (mode_ == PlanMode::kOffline) {
      return;
    }
    if (found == sources_.end()) {
      error(at, "the files of the repository were not sent with the run; `luthier run` sends them");
    } else {
      value = found->second;
    }
  }

  void replace_path(Json& value, const std::string& pointer, const spec::Step& from, const StepId& id) {
    const std::string path = value.get<std::string>();
    const Position at = from.with.at(pointer);
    paths.push_back({id, pointer.substr(1), path, at});
    if (mode_ == PlanMode::kOffline) {
      return;
    }
    const auto found = sources_.find(path);
    if (found == sources_.end()) {
      error(at, "the files of '" + path + "' were not sent with the run");
    } else {
      value = found->second;
    }
  }

  // Names become ids: a matrix step's name means all its members.
  void link() {
    std::map<std::string, std::vector<std::string>> members;
    for (const Step& step : plan_.steps) {
      members[step.id.value].push_back(step.id.value);
      if (step.id.value != step.name) {
        members[step.name].push_back(step.id.value);
      }
    }
    std::size_t needs = 0;
    for (Step& step : plan_.steps) {
      const spec::Step& from = spec_step(step.name);
      const Json scope{{"params", plan_.params}, {"matrix", step.matrix}};
      std::vector<std::pair<std::string, Position>> wanted;
      for (const spec::Need& need : from.needs) {
        wanted.emplace_back(need.step, need.at);
      }
      add_wanted(referenced_steps(from.with.json, scope), from.at, wanted);
      if (!step.condition.empty()) {
        add_wanted(steps_in_expression(step.condition, scope), from.condition_at, wanted);
      }
      for (const auto& [name, at] : wanted) {
        const auto found = members.find(name);
        if (found == members.end() && spec::has_expression(name)) {
          continue;  // which member is meant is known when the params are
        }
        if (found == members.end()) {
          error(at, "the plan has no step '" + name + "'" + spec::suggestion(name, ids()));
          continue;
        }
        for (const std::string& id : found->second) {
          step.needs.push_back(StepId{id});
        }
      }
      std::sort(step.needs.begin(), step.needs.end());
      step.needs.erase(std::unique(step.needs.begin(), step.needs.end()), step.needs.end());
      needs += step.needs.size();
      if (needs > spec::kNeedsMax) {
        return error(from.at, "the steps of this plan have more than " + std::to_string(spec::kNeedsMax) +
                                  " needs in all; put one step between the two matrices");
      }
    }
  }

  void add_wanted(Result<std::vector<std::string>> names, Position at,
                  std::vector<std::pair<std::string, Position>>& wanted) {
    if (!names) {
      return error(at, names.error().message);
    }
    for (std::string& name : *names) {
      wanted.emplace_back(std::move(name), at);
    }
  }

  [[nodiscard]] const spec::Step& spec_step(const std::string& name) const {
    const auto found = std::find_if(spec_.steps.begin(), spec_.steps.end(),
                                    [&name](const spec::Step& step) { return step.name == name; });
    LUTHIER_CHECK(found != spec_.steps.end());
    return *found;
  }

  [[nodiscard]] std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const Step& step : plan_.steps) {
      all.push_back(step.id.value);
    }
    return all;
  }

  void order() {
    spec::Graph graph;
    std::map<std::string, Step> by_id;
    for (const Step& step : plan_.steps) {
      std::vector<std::string>& needs = graph[step.id.value];
      for (const StepId& need : step.needs) {
        needs.push_back(need.value);
      }
      by_id[step.id.value] = step;
    }
    const spec::GraphOrder order = spec::order_graph(ids(), graph);
    if (!order.cycle.empty()) {
      error(spec_step(by_id[order.cycle.front()].name).at,
            "these steps wait for each other: " + spec::cycle_text(order.cycle) + " (each needs the next)");
      return;
    }
    plan_.steps.clear();
    for (const std::string& id : order.order) {
      plan_.steps.push_back(std::move(by_id[id]));
    }
  }

  const spec::Spec& spec_;
  const SourceMap& sources_;
  const PlanMode mode_;
  std::vector<Diagnostic>& errors_;
  Plan plan_;
};

void sort_by_place(std::vector<Diagnostic>& errors) {
  std::stable_sort(errors.begin(), errors.end(), [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
  errors.erase(std::unique(errors.begin(), errors.end()), errors.end());
}

}  // namespace

MadePlan make_plan(const spec::Spec& spec, const ParamValues& params, const SourceMap& sources, PlanMode mode) {
  MadePlan made;
  Planner planner(spec, sources, mode, made.errors);
  Plan plan = planner.plan(params);
  sort_by_place(made.errors);
  if (made.errors.empty()) {
    made.plan = std::move(plan);
  }
  return made;
}

LocalPaths local_paths(const spec::Spec& spec, const ParamValues& params) {
  LocalPaths found;
  // Offline keeps paths as text; a missing param is still an error here, because a run would need it.
  const Json checked = resolve_params(spec, params, false, found.errors);
  if (checked.is_object() && found.errors.empty()) {
    const SourceMap no_sources;
    Planner planner(spec, no_sources, PlanMode::kOffline, found.errors);
    const Plan plan = planner.plan(params);
    found.paths = std::move(planner.paths);
  }
  sort_by_place(found.errors);
  return found;
}

}  // namespace luthier::plan
