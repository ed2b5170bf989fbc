#include "pipelines/spec/check_references.h"

#include <algorithm>
#include <set>

#include "pipelines/spec/check_value.h"
#include "pipelines/spec/declaration.h"
#include "pipelines/spec/fits.h"
#include "pipelines/spec/graph.h"
#include "pipelines/spec/step_outputs.h"
#include "pipelines/spec/syntax.h"
#include "pipelines/spec/type_scope.h"

namespace luthier::spec {
namespace {

// Where an expression stands decides what it may name.
enum class Context { kWith, kCondition, kMatrix, kIntegrations };

struct SourceText {
  std::string_view text;
  std::vector<std::size_t> lines;  // offset of each line's first byte

  explicit SourceText(std::string_view source) : text(source), lines{0} {
    for (std::size_t i = 0; i < source.size(); ++i) {
      if (source[i] == '\n') {
        lines.push_back(i + 1);
      }
    }
  }
  [[nodiscard]] std::size_t offset(Position at) const {
    const auto line = static_cast<std::size_t>(std::max(at.line - 1, 0));
    return line < lines.size() ? lines[line] + static_cast<std::size_t>(std::max(at.column - 1, 0)) : text.size();
  }
  [[nodiscard]] Position position(std::size_t offset) const {
    const auto next = std::upper_bound(lines.begin(), lines.end(), offset);
    const auto line = static_cast<std::size_t>(next - lines.begin());
    return {static_cast<int>(line), static_cast<int>(offset - lines[line - 1]) + 1};
  }
};

class ReferenceChecker {
 public:
  ReferenceChecker(const Spec& spec, std::string_view source, std::vector<Diagnostic>& errors)
      : spec_(spec), source_(source), errors_(errors), scope_(type_scope(spec)) {
    for (const Param& param : spec.params) {
      params_.push_back(param.name);
    }
    for (const Step& step : spec.steps) {
      steps_.push_back(step.name);
    }
  }

  void check(const LocatedJson& file) {
    for (const Step& step : spec_.steps) {
      step_ = &step;
      enter_step(scope_, step);
      needs_[step.name];
      for (const Need& need : step.needs) {
        check_need(need);
      }
      const StepType* type = find_step_type(step.uses);
      check_strings(step.with, "", step.with.json, type == nullptr ? nullptr : &type->inputs, Context::kWith);
      for (const MatrixAxis& axis : step.matrix) {
        check_strings(axis.values, "", axis.values.json, nullptr, Context::kMatrix);
      }
      check_strings(step.exclude, "", step.exclude.json, nullptr, Context::kMatrix);
      check_strings(step.include, "", step.include.json, nullptr, Context::kMatrix);
      check_exclude(step);
      if (!step.condition.empty()) {
        check_condition(step);
      }
    }
    step_ = nullptr;
    const LocatedJson integrations = part_of(file, "/integrations");
    check_strings(integrations, "", integrations.json, nullptr, Context::kIntegrations);
    check_cycle();
  }

 private:
  void error(Position at, std::string message) { errors_.push_back({spec_.file, at, std::move(message)}); }

  [[nodiscard]] const Step* find_step(const std::string& name) const {
    const auto found =
        std::find_if(spec_.steps.begin(), spec_.steps.end(), [&name](const Step& step) { return step.name == name; });
    return found == spec_.steps.end() ? nullptr : &*found;
  }

  void check_need(const Need& need) {
    if (!is_name(need.step)) {
      return;  // said already, in check_value.cc
    }
    if (find_step(need.step) == nullptr) {
      error(need.at, "there is no step '" + need.step + "'" + suggestion(need.step, steps_));
      return;
    }
    needs_[step_->name].push_back(need.step);
  }

  void check_exclude(const Step& step) {
    std::vector<std::string> axes;
    for (const MatrixAxis& axis : step.matrix) {
      axes.push_back(axis.name);
    }
    for (const auto& [pointer, places] : step.exclude.places) {
      const std::size_t slash = pointer.rfind('/');
      const std::string key = slash == std::string::npos ? "" : pointer.substr(slash + 1);
      if (places.key.line > 0 && slash != 0 && slash != std::string::npos &&
          std::find(axes.begin(), axes.end(), key) == axes.end()) {
        error(places.key, "the matrix has no key '" + key + "'" + suggestion(key, axes));
      }
    }
    for (std::size_t i = 0; step.exclude.json.is_array() && i < step.exclude.json.size(); ++i) {
      check_exclude_types(step, step.exclude.json[i], pointer_to("", std::to_string(i)));
    }
  }

  // A text never equals a number, so it would leave nothing out.
  void check_exclude_types(const Step& step, const Json& entry, const std::string& pointer) {
    for (auto item = entry.begin(); entry.is_object() && item != entry.end(); ++item) {
      const Type value = type_of_value(*item);
      const bool known = !item->is_string() || !has_expression(item->get_ref<const std::string&>());
      for (const TypedMember& axis : scope_.names.back().type.members) {
        if (known && item->is_primitive() && axis.name == item.key() && !axis.type.may_be(value.forms)) {
          error(step.exclude.at(pointer_to(pointer, axis.name)),
                "this leaves nothing out: '" + axis.name + "' is " + words(axis.type) + ", never " + words(value));
        }
      }
    }
  }

  // `shape` is what the value is declared as; nullptr where that is not looked at.
  void check_strings(const LocatedJson& located, const std::string& pointer, const Json& value, const Shape* shape,
                     Context context) {
    if (value.is_string()) {
      check_text(value.get_ref<const std::string&>(), located.at(pointer), shape, context);
    } else if (value.is_array()) {
      const Shape* list = shape == nullptr ? nullptr : &option_for(*shape, Form::kList);
      const Shape* item = list != nullptr && list->kind == Kind::kList ? &list->options.front() : nullptr;
      for (std::size_t i = 0; i < value.size(); ++i) {
        check_strings(located, pointer_to(pointer, std::to_string(i)), value[i], item, context);
      }
    } else if (value.is_object()) {
      for (const auto& [key, member] : value.items()) {
        check_strings(located, pointer_to(pointer, key), member, member_of(shape, key), context);
      }
    }
  }

  static const Shape* member_of(const Shape* declared, const std::string& key) {
    if (declared == nullptr) {
      return nullptr;
    }
    const Shape& shape = option_for(*declared, Form::kMap);
    if (shape.kind == Kind::kMap) {
      return &shape.options.front();
    }
    const Field* field = find_field(shape, key);
    return field == nullptr ? nullptr : &field->shape;
  }

  // Every ${{ }} of one string. The n-th in the value is the n-th in the file from the value's place on.
  void check_text(const std::string& text, Position at, const Shape* shape, Context context) {
    const Pieces pieces = split_expressions(text);
    const bool whole = is_whole_expression(pieces);
    std::size_t raw = source_.offset(at);
    bool mixed = false;
    for (const Piece& piece : pieces.pieces) {
      if (!piece.is_expression) {
        continue;
      }
      const std::size_t open = source_.text.find("${{", raw);
      raw = open == std::string_view::npos ? source_.text.size() : open + 3;
      if (pieces.unclosed && &piece == &pieces.pieces.back()) {
        error(open == std::string_view::npos ? at : source_.position(open), "this ${{ has no }}");
        return;
      }
      const Expressed expressed =
          check_expression(piece.text, open == std::string_view::npos ? std::nullopt : std::optional(raw), at, context);
      if (whole) {
        check_value_type(expressed, shape);
      } else if (expressed.type.is_only(Type::kArtifact | Type::kModel)) {
        error(expressed.at, expressed.written + " (" + words(expressed.type) + ") cannot be written into text" +
                                (step_ != nullptr && step_->uses == "run" ? "; name it under 'inputs'" : ""));
      }
      mixed = mixed || !whole;
    }
    if (mixed && shape != nullptr) {
      if (const std::string expected = mismatch(*shape, types::text()); !expected.empty()) {
        error(at, "expected " + expected + ", got text with ${{ }} in it; let one ${{ }} be the whole value");
      }
    }
  }

  // What an expression turned out to be; of type any when something is wrong with it.
  struct Expressed {
    Type type;
    std::string written;
    std::string param;  // when it is params.NAME and nothing else
    Position at;
  };

  void check_value_type(const Expressed& expressed, const Shape* shape) {
    const std::string expected = shape == nullptr ? "" : mismatch(*shape, expressed.type);
    if (expected.empty()) {
      return;
    }
    const Kind kind = shape->kind;
    const std::string type = kind == Kind::kInt ? "int" : kind == Kind::kFloat ? "float" : "bool";
    const bool declarable = kind == Kind::kInt || kind == Kind::kFloat || kind == Kind::kBool;
    error(expressed.at, "expected " + expected + ", got " + expressed.written + " (" + words(expressed.type) + ")" +
                            (declarable && !expressed.param.empty()
                                 ? "; declare the param '" + expressed.param + "' with type: " + type
                                 : ""));
  }

  void check_condition(const Step& step) {
    const std::size_t value = source_.offset(step.condition_at);
    const std::size_t found = source_.text.find(step.condition, value);
    check_expression(step.condition, found == std::string_view::npos ? std::nullopt : std::optional(found),
                     step.condition_at, Context::kCondition);
  }

  // `raw` is the offset of the expression's text in the file, where known; `at` is the place of the whole value.
  Expressed check_expression(std::string_view text, std::optional<std::size_t> raw, Position at, Context context) {
    const auto place = [&](int column) {
      return raw ? source_.position(*raw + static_cast<std::size_t>(column - 1)) : at;
    };
    const std::size_t errors_before = errors_.size();
    const ParsedExpression parsed = parse_expression(text);
    if (!parsed.root) {
      error(place(parsed.column), parsed.message);
      return {};
    }
    const Expression& root = *parsed.root;
    if (context != Context::kCondition && calls_any(root, {"success", "failure", "always"})) {
      error(place(1), "success(), failure() and always() are only for 'if'");
    }
    for (const Reference& reference : references(root)) {
      check_reference(reference, context, place);
    }
    if (errors_.size() > errors_before) {
      return {};
    }
    const InferredType inferred = infer_type(root, scope_);
    for (const TypeProblem& problem : inferred.problems) {
      error(place(problem.column), problem.message);
    }
    if (!inferred.problems.empty()) {
      return {};
    }
    if (context == Context::kCondition) {
      if (std::string problem = truth_problem("'if'", root, inferred.type); !problem.empty()) {
        error(place(first_column(root)), std::move(problem));
      }
    }
    const bool param = root.kind == Expression::Kind::kMember && root.children[0].text == "params";
    return {inferred.type, written(root), param ? root.text : "", place(first_column(root))};
  }

  template <class PlaceOf>
  void check_reference(const Reference& reference, Context context, const PlaceOf& place) {
    const std::string& root = reference.path[0];
    const Position at = place(reference.columns[0]);
    std::vector<std::string> roots{"params"};
    if (context == Context::kWith || context == Context::kCondition) {
      roots = {"params", "matrix", "steps", "run"};
    } else if (context == Context::kIntegrations) {
      roots = {"params", "secrets", "run"};
    }
    if (std::find(roots.begin(), roots.end(), root) == roots.end()) {
      static const std::set<std::string> kKnown{"params", "matrix", "steps", "run", "secrets"};
      error(at, kKnown.contains(root) ? "'" + root + "' cannot be used here; known: " + joined(roots)
                                      : "unknown name '" + root + "'" + suggestion(root, roots));
      return;
    }
    if (root == "steps") {
      check_step_reference(reference, place);
    } else if (root == "params") {
      check_member(reference, "param", params_, place);
    } else if (root == "run") {
      check_member(reference, "member of run", {"id", "pipeline", "commit"}, place);
    } else if (root == "matrix") {
      std::vector<std::string> axes;
      for (const MatrixAxis& axis : step_->matrix) {
        axes.push_back(axis.name);
      }
      if (axes.empty()) {
        error(at, "this step has no matrix");
      } else {
        const std::vector<std::string> further = further_keys(*step_);
        axes.insert(axes.end(), further.begin(), further.end());
        check_member(reference, "matrix key", axes, place);
      }
    }
  }

  static std::string joined(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) {
      text += (text.empty() ? "" : ", ") + name;
    }
    return text;
  }

  template <class PlaceOf>
  void check_member(const Reference& reference, const std::string& what, const std::vector<std::string>& names,
                    const PlaceOf& place) {
    if (reference.path.size() < 2) {
      return;
    }
    const std::string& name = reference.path[1];
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      error(place(reference.columns[1]), "there is no " + what + " '" + name + "'" + suggestion(name, names));
    }
  }

  template <class PlaceOf>
  void check_step_reference(const Reference& reference, const PlaceOf& place) {
    if (reference.path.size() < 2) {
      if (reference.computed == nullptr) {
        error(place(reference.columns[0]), "name a step: steps.NAME.outputs.OUTPUT");
      } else if (mentions_steps(*reference.computed)) {
        error(place(reference.computed->column),
              "which step is meant must be known before the run starts; use only "
              "params and matrix in this index");
      }
      return;
    }
    const std::string& id = reference.path[1];
    const std::string name = id.substr(0, id.find('['));
    const Step* step = find_step(name);
    if (step == nullptr) {
      error(place(reference.columns[1]), "there is no step '" + name + "'" + suggestion(name, steps_));
      return;
    }
    needs_[step_->name].push_back(name);
    if (reference.path.size() < 3) {
      return;
    }
    const std::string& part = reference.path[2];
    if (part != "outputs" && part != "status") {
      error(place(reference.columns[2]), "a step has outputs and status, not '" + part + "'");
      return;
    }
    // steps.NAME.outputs of a matrix is keyed by member id first.
    const bool all_members = !step->matrix.empty() && id == name;
    const std::size_t output = all_members ? 4 : 3;
    if (all_members && part == "outputs" && reference.path.size() > 3 && !reference.path[3].starts_with(name + "[")) {
      error(place(reference.columns[3]), "step '" + name + "' has a matrix: name a member first, as in steps." + name +
                                             ".outputs[\"" + name + "[KEY=VALUE]\"]." + reference.path[3]);
      return;
    }
    if (part == "outputs" && reference.path.size() > output) {
      check_output(*step, reference.path[output], place(reference.columns[output]));
    }
  }

  void check_output(const Step& step, const std::string& output, Position at) {
    const std::optional<std::vector<Output>> outputs = outputs_of(step);
    if (!outputs) {
      return;
    }
    std::vector<std::string> names;
    for (const Output& known : *outputs) {
      names.push_back(known.name);
    }
    if (std::find(names.begin(), names.end(), output) == names.end()) {
      error(at,
            "step '" + step.name + "' (" + step.uses + ") has no output '" + output + "'" + suggestion(output, names));
    }
  }

  static bool mentions_steps(const Expression& expression) {
    const std::vector<Reference> found = references(expression);
    return std::any_of(found.begin(), found.end(), [](const Reference& r) { return r.path[0] == "steps"; });
  }

  void check_cycle() {
    const GraphOrder order = order_graph(steps_, needs_);
    if (!order.cycle.empty()) {
      error(find_step(order.cycle.front())->at,
            "these steps wait for each other: " + cycle_text(order.cycle) + " (each needs the next)");
    }
  }

  const Spec& spec_;
  const SourceText source_;
  std::vector<Diagnostic>& errors_;
  const Step* step_ = nullptr;
  std::vector<std::string> params_;
  std::vector<std::string> steps_;
  Graph needs_;
  TypeScope scope_;
};

}  // namespace

void check_references(const Spec& spec, const LocatedJson& file, std::string_view source,
                      std::vector<Diagnostic>& errors) {
  ReferenceChecker(spec, source, errors).check(file);
}

}  // namespace luthier::spec
