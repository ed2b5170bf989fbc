#include "pipelines/spec/spec.h"

#include <algorithm>

#include "pipelines/spec/check_references.h"
#include "pipelines/spec/check_run.h"
#include "pipelines/spec/check_value.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/duration.h"
#include "pipelines/spec/param_value.h"
#include "pipelines/spec/syntax.h"
#include "pipelines/spec/yaml_tree.h"

namespace luthier::spec {
namespace {

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

// Reads members that may be missing or wrong: what check_value() refused is left out, so that later checks can still
// look at the rest of the file.
class Reader {
 public:
  Reader(const LocatedJson& file, std::string file_name, std::vector<Diagnostic>& errors)
      : file_(file), file_name_(std::move(file_name)), errors_(errors) {}

  Spec read() {
    Spec spec;
    spec.file = file_name_;
    spec.name = text(file_.json, "name");
    const Json& root = file_.json;
    for (const std::string& name : keys_in_order(file_, "/params")) {
      spec.params.push_back(param(name));
    }
    const Json& defaults = member(root, "defaults");
    spec.defaults.retry = retry(member(defaults, "retry"));
    spec.defaults.resources = resources(member(defaults, "resources"));
    if (spec.defaults.resources.nodes.value_or(1) > 1) {
      error(file_.at("/defaults/resources/nodes"), "say 'nodes' at each 'run' step that wants several");
    }
    spec.defaults.timeout = duration(defaults, "timeout");
    for (const std::string& name : keys_in_order(file_, "/steps")) {
      spec.steps.push_back(step(name));
    }
    spec.triggers = member(root, root.contains("on") ? "on" : "triggers");
    spec.integrations = member(root, "integrations");
    return spec;
  }

 private:
  static const Json& member(const Json& object, const std::string& key) {
    static const Json kNull;
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? *found : kNull;
  }
  static std::string text(const Json& object, const std::string& key) {
    const Json& value = member(object, key);
    return value.is_string() ? value.get<std::string>() : "";
  }
  template <class T>
  static std::optional<T> number(const Json& object, const std::string& key) {
    const Json& value = member(object, key);
    // A number beyond T was refused by the range in the declaration.
    return value.is_number() && std::abs(value.get<double>()) < 1e9 ? std::optional(value.get<T>()) : std::nullopt;
  }
  static std::optional<milliseconds> duration(const Json& object, const std::string& key) {
    auto parsed = parse_duration(text(object, key));
    return parsed ? std::optional(*parsed) : std::nullopt;
  }

  void error(Position at, std::string message) { errors_.push_back({file_name_, at, std::move(message)}); }

  static Retry retry(const Json& value) {
    Retry retry;
    if (value.is_number_integer() && std::abs(value.get<double>()) < 1e9) {
      retry.user = value.get<int>();
      return retry;
    }
    retry.infrastructure = number<int>(value, "infrastructure");
    retry.preemption = number<int>(value, "preemption");
    retry.user = number<int>(value, "user");
    if (const auto backoff = parse_backoff(text(value, "backoff"))) {
      retry.backoff_min = backoff->first;
      retry.backoff_max = backoff->second;
    }
    return retry;
  }

  Resources resources(const Json& value) {
    Resources resources;
    resources.nodes = number<int>(value, "nodes");
    resources.gpus = number<int>(value, "gpus");
    resources.cpus = number<double>(value, "cpus");
    if (const auto bytes = parse_bytes(text(value, "memory"))) {
      resources.memory_bytes = *bytes;
    }
    if (const Json& labels = member(value, "labels"); labels.is_object()) {
      resources.labels.emplace();
      for (const auto& [name, label] : labels.items()) {
        (*resources.labels)[name] = label.is_string() ? label.get<std::string>() : "";
      }
    }
    return resources;
  }

  Param param(const std::string& name) {
    const std::string pointer = pointer_to("/params", name);
    const Json& value = member(file_.json["params"], name);
    Param param;
    param.name = name;
    param.at = file_.places.at(pointer).key;
    param.type = param_type(text(value, "type"));
    param.least = bound(value, "min");
    param.greatest = bound(value, "max");
    param.description = text(value, "description");
    if (const Json& choices = member(value, "choices"); choices.is_array()) {
      param.choices.assign(choices.begin(), choices.end());
    }
    const Json& fallback = member(value, "default");
    const Json& required = member(value, "required");
    param.required = required.is_boolean() ? required.get<bool>() : fallback.is_null();
    check_param(param, pointer, required);
    if (!fallback.is_null() && !text(value, "type").empty()) {
      auto checked = check_param_value(param, fallback, false);
      if (checked) {
        param.fallback = std::move(*checked);
      } else if (fallback.is_primitive()) {
        error(file_.at(pointer + "/default"), "the default does not fit: " + checked.error().message);
      }
    }
    return param;
  }

  void check_param(const Param& param, const std::string& pointer, const Json& required) {
    if (param.type == ParamType::kChoice && param.choices.empty()) {
      error(param.at, "a param of type choice needs 'choices'");
    }
    if ((param.least || param.greatest) && param.type != ParamType::kInt && param.type != ParamType::kFloat) {
      error(file_.places.at(pointer + (param.least ? "/min" : "/max")).key,
            "min and max are for int and float, not for " + to_string(param.type));
    }
    if (param.least && param.greatest && *param.least > *param.greatest) {
      error(file_.at(pointer + "/min"), "min is greater than max");
    }
    if (required == Json(true) && file_.places.contains(pointer + "/default")) {
      error(file_.at(pointer + "/required"), "a param with a default cannot be required");
    }
  }

  static std::optional<double> bound(const Json& value, const std::string& key) {
    const Json& number = member(value, key);
    return number.is_number() ? std::optional(number.get<double>()) : std::nullopt;
  }

  static ParamType param_type(const std::string& name) {
    for (const ParamType type :
         {ParamType::kInt, ParamType::kFloat, ParamType::kBool, ParamType::kPath, ParamType::kChoice}) {
      if (to_string(type) == name) {
        return type;
      }
    }
    return ParamType::kString;
  }

  Step step(const std::string& name) {
    const std::string pointer = pointer_to("/steps", name);
    const Json& value = member(file_.json["steps"], name);
    Step step;
    step.name = name;
    step.at = file_.places.at(pointer).key;
    step.uses = text(value, "uses");
    step.with = part_of(file_, pointer + "/with");
    if (!step.with.json.is_object()) {
      step.with.json = Json::object();
      step.with.places.try_emplace("", Places{step.at, step.at});
    }
    step.needs = needs(member(value, "needs"), pointer + "/needs");
    condition(member(value, "if"), pointer + "/if", step);
    step.retry = retry(member(value, "retry"));
    step.resources = resources(member(value, "resources"));
    if (step.resources.nodes.value_or(1) > 1 && step.uses != "run") {
      error(file_.at(pointer + "/resources/nodes"),
            "only 'run' steps take several nodes; '" + step.uses + "' has one process: use nodes: 1");
    }
    step.timeout = duration(value, "timeout");
    matrix(pointer, step);
    step.max_parallel = number<int>(value, "max_parallel").value_or(0);
    step.priority = number<int>(value, "priority").value_or(0);
    step.exclusive = member(value, "exclusive") == Json(true);
    if (const Json& cache = member(value, "cache"); cache.is_boolean()) {
      step.cache = cache.get<bool>();
    }
    return step;
  }

  [[nodiscard]] std::vector<Need> needs(const Json& value, const std::string& pointer) const {
    std::vector<Need> needs;
    if (value.is_string()) {
      needs.push_back({value.get<std::string>(), file_.at(pointer)});
    }
    for (std::size_t i = 0; value.is_array() && i < value.size(); ++i) {
      if (value[i].is_string()) {
        needs.push_back({value[i].get<std::string>(), file_.at(pointer_to(pointer, std::to_string(i)))});
      }
    }
    return needs;
  }

  void condition(const Json& given, const std::string& pointer, Step& step) {
    const std::string text = given.is_string() ? given.get<std::string>() : "";
    step.condition_at = file_.at(pointer);
    if (given.is_string() && is_blank(text)) {
      return error(step.condition_at, "the expression is empty");
    }
    const Pieces pieces = split_expressions(text);
    if (!has_expression(text)) {
      step.condition = text;
    } else if (pieces.unclosed) {
      error(step.condition_at, "this ${{ has no }}");
    } else if (!is_whole_expression(pieces)) {
      error(step.condition_at, "'if' is one expression; put all of it inside one ${{ }}");
    } else {
      for (const Piece& piece : pieces.pieces) {
        step.condition += piece.is_expression ? std::string(piece.text) : "";
      }
    }
  }

  void matrix(const std::string& pointer, Step& step) {
    std::size_t members = 1;
    for (const std::string& axis : keys_in_order(file_, pointer + "/matrix")) {
      LocatedJson values = part_of(file_, pointer_to(pointer + "/matrix", axis));
      if (!values.json.is_array()) {
        continue;
      }
      members *= std::max<std::size_t>(values.json.size(), 1);
      if (members > kMatrixMembersMax) {
        error(file_.places.at(pointer + "/matrix").key,
              "the matrix has more than " + std::to_string(kMatrixMembersMax) + " members");
        return;
      }
      step.matrix.push_back({axis, std::move(values)});
    }
    step.exclude = part_of(file_, pointer + "/exclude");
    step.include = part_of(file_, pointer + "/include");
    for (const auto& [key, part] : {std::pair("exclude", &step.exclude), std::pair("include", &step.include)}) {
      if (!part->json.is_null() && step.matrix.empty()) {
        error(file_.places.at(pointer + "/" + key).key, "'" + std::string(key) + "' needs a matrix");
      }
    }
    const auto limit = file_.places.find(pointer + "/max_parallel");
    if (limit != file_.places.end() && step.matrix.empty()) {
      error(limit->second.key, "'max_parallel' needs a matrix");
    }
  }

  const LocatedJson& file_;
  const std::string file_name_;
  std::vector<Diagnostic>& errors_;
};

void sort_by_place(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) { return a.at < b.at; });
  diagnostics.erase(std::unique(diagnostics.begin(), diagnostics.end()), diagnostics.end());
}

}  // namespace

ParsedSpec parse_spec(std::string_view text, const std::string& file_name) {
  ParsedSpec parsed;
  const YamlTree tree = read_yaml(text, file_name);
  parsed.errors = tree.errors;
  if (tree.root.kind == YamlNode::Kind::kNull && !parsed.errors.empty()) {
    return parsed;
  }
  if (tree.root.kind != YamlNode::Kind::kMap) {
    parsed.errors.push_back({file_name, tree.root.at, "a pipeline file is a map that starts with 'name:'"});
    return parsed;
  }
  LocatedJson file = locate(tree.root, pipeline_shape());
  file.places[""].key = {};
  check_value(file.json, pipeline_shape(), file, "", file_name, parsed.errors);
  if (file.json.contains("on") && file.json.contains("triggers")) {
    parsed.errors.push_back(
        {file_name, file.places.at("/triggers").key, "'on' and 'triggers' mean the same; keep one"});
  }
  Spec spec = Reader(file, file_name, parsed.errors).read();
  check_references(spec, file, text, parsed.errors);
  check_run_steps(spec, parsed.errors);
  for (const std::string key : {"on", "triggers", "integrations"}) {
    if (file.json.contains(key)) {
      parsed.notes.push_back({file_name, file.places.at("/" + key).key, "'" + key + "' is not active yet"});
    }
  }
  for (const Step& step : spec.steps) {
    if (step.uses == "notify") {
      parsed.notes.push_back({file_name, step.at,
                              "step '" + step.name +
                                  "' publishes the event notification.requested; nothing delivers it to people yet, "
                                  "`luthier events` shows it"});
    }
  }
  sort_by_place(parsed.errors);
  sort_by_place(parsed.notes);
  if (parsed.errors.empty()) {
    parsed.spec = std::move(spec);
  }
  return parsed;
}

}  // namespace luthier::spec
