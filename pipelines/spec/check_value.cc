#include "pipelines/spec/check_value.h"

#include <algorithm>
#include <cmath>

#include "pipelines/spec/duration.h"
#include "pipelines/spec/syntax.h"

namespace luthier::spec {
namespace {

constexpr std::size_t kNameBytesMax = 64;
constexpr const char* kAutomatic = "auto";

Form form_of(const Shape& shape) {
  return shape.kind == Kind::kList                                 ? Form::kList
         : shape.kind == Kind::kMap || shape.kind == Kind::kObject ? Form::kMap
                                                                   : Form::kScalar;
}
Form form_of(const Json& value) {
  return value.is_array() ? Form::kList : value.is_object() ? Form::kMap : Form::kScalar;
}

// "text or a list": what a kOneOf takes.
std::string words_of(const Shape& shape) {
  std::string words;
  for (const Shape& option : shape.options) {
    const Form form = form_of(option);
    words += words.empty() ? "" : " or ";
    words += form == Form::kList         ? "a list"
             : form == Form::kMap        ? "a map"
             : option.kind == Kind::kInt ? "an integer"
                                         : "text";
  }
  return words;
}

bool accepts_nothing(const Shape& declared) {
  return declared.nullable || option_for(declared, Form::kScalar).nullable;
}

// Removes keys of maps inside of `value` whose value is null where null means nothing; whether there was one.
bool drop_nothings(Json& value, const Shape& declared) {
  const Shape& shape = option_for(declared, form_of(value));
  bool dropped = false;
  for (auto item = value.begin(); value.is_object() && item != value.end();) {
    const Field* field = shape.kind == Kind::kObject ? find_field(shape, item.key()) : nullptr;
    const Shape* inner = field != nullptr ? &field->shape : shape.kind == Kind::kMap ? &shape.options.front() : nullptr;
    if (inner != nullptr && item->is_null() && !accepts_nothing(*inner)) {
      item = value.erase(item);
      dropped = true;
      continue;
    }
    dropped = (inner != nullptr && drop_nothings(*item, *inner)) || dropped;
    ++item;
  }
  return dropped;
}

class Checker {
 public:
  // `resolved`: every expression has been replaced, so ${{ in a text is nothing but text.
  explicit Checker(bool resolved) : resolved_(resolved) {}

  struct Violation {
    std::string pointer;
    std::string message;
    bool at_key = false;  // the key is meant, not its value
  };
  std::vector<Violation> violations;

  void check(Json& value, const Shape& declared, const std::string& pointer, bool expressions) {
    const Shape& shape = option_for(declared, form_of(value));
    if (!resolved_ && value.is_string() && has_expression(value.get_ref<const std::string&>()) &&
        shape.kind != Kind::kCondition) {
      if (!expressions) {
        error(pointer,
              "${{ }} is not possible here; it is in if, and for values inside of with, matrix, exclude, include and "
              "integrations");
      }
      return;
    }
    expressions = expressions || declared.expressions || shape.expressions;
    if (value.is_null() && (declared.nullable || shape.nullable)) {
      return;
    }
    if (declared.kind == Kind::kOneOf && form_of(value) != form_of(shape)) {
      return expected(words_of(declared), value, pointer);
    }
    switch (shape.kind) {
      case Kind::kAny:
      case Kind::kStepInputs:
        if (value.is_null()) {
          expected("a value", value, pointer);
        }
        return;
      case Kind::kList:
        if (shape.repository && value.is_object() && value.contains("$artifact")) {
          return;
        }
        return check_list(value, shape, pointer, expressions);
      case Kind::kMap: return check_map(value, shape, pointer, expressions);
      case Kind::kObject: return check_object(value, shape, pointer, expressions);
      case Kind::kInt:
      case Kind::kFloat: return check_number(value, shape, pointer);
      case Kind::kBool: return value.is_boolean() ? void() : expected("true or false", value, pointer);
      case Kind::kScalar:
        return value.is_primitive() && !value.is_null() ? void()
                                                        : expected("text, a number, true or false", value, pointer);
      case Kind::kPath:
      case Kind::kArtifact:
      case Kind::kModel: return check_input(value, shape, pointer);
      default: return check_text(value, shape, pointer);
    }
  }

 private:
  void error(const std::string& pointer, std::string message) {
    violations.push_back({pointer, std::move(message), false});
  }

  void error_at_key(const std::string& pointer, std::string message) {
    violations.push_back({pointer, std::move(message), true});
  }

  void expected(const std::string& what, const Json& value, const std::string& pointer) {
    const std::string hint = value.is_string() && (what.starts_with("a number") || what.starts_with("an integer")) &&
                                     plain_scalar(value.get<std::string>()).is_number()
                                 ? "; remove the quotes"
                                 : "";
    // A key without a value stands alone on its line: point at the key.
    if (value.is_null()) {
      error_at_key(pointer, "expected " + what + ", got nothing");
    } else {
      error(pointer, "expected " + what + ", got " + describe(value) + hint);
    }
  }

  void check_list(Json& value, const Shape& shape, const std::string& pointer, bool expressions) {
    if (!value.is_array()) {
      return expected("a list", value, pointer);
    }
    check_count(value, shape, pointer);
    for (std::size_t i = 0; i < value.size(); ++i) {
      check(value[i], shape.options.front(), pointer_to(pointer, std::to_string(i)), expressions);
    }
  }

  void check_map(Json& value, const Shape& shape, const std::string& pointer, bool expressions) {
    if (!value.is_object()) {
      return expected("a map", value, pointer);
    }
    check_count(value, shape, pointer);
    for (auto& [key, member] : value.items()) {
      const std::string inner = pointer_to(pointer, key);
      if (!is_name(key)) {
        error_at_key(inner, "'" + key.substr(0, kNameBytesMax) + "' is not a name; use letters, digits, _ and -, " +
                                "starting with a letter or _, at most 64");
      }
      check(member, shape.options.front(), inner, expressions);
    }
  }

  void check_count(const Json& value, const Shape& shape, const std::string& pointer) {
    const auto count = static_cast<double>(value.size());
    if (shape.least && count < *shape.least) {
      error(pointer, "at least " + number_text(*shape.least) + " needed here, got " + number_text(count));
    }
    if (shape.greatest && count > *shape.greatest) {
      error(pointer, "at most " + number_text(*shape.greatest) + " allowed here, got " + number_text(count));
    }
  }

  void check_object(Json& value, const Shape& shape, const std::string& pointer, bool expressions) {
    if (!value.is_object()) {
      return expected("a map", value, pointer);
    }
    std::vector<std::string> known;
    for (const Field& field : shape.fields) {
      known.push_back(field.key);
    }
    for (auto& [key, member] : value.items()) {
      const std::string inner = pointer_to(pointer, key);
      const Field* field = find_field(shape, key);
      if (field == nullptr) {
        if (key != "<<") {  // said already, in yaml_tree.cc
          error_at_key(inner, "unknown key '" + key + "'" + suggestion(key, known));
        }
      } else if (field->shape.kind == Kind::kStepInputs) {
        check_inputs(value, member, inner);
      } else {
        check(member, field->shape, inner, expressions);
      }
    }
    for (const Field& field : shape.fields) {
      if (field.required && !value.contains(field.key)) {
        error_at_key(pointer, "the key '" + field.key + "' is missing");
      }
    }
    check_exactly_one(value, shape, pointer);
    // A step without `with` still misses what its type requires.
    const Field* inputs = find_field(shape, "with");
    if (inputs != nullptr && inputs->shape.kind == Kind::kStepInputs && !value.contains("with")) {
      Json empty = Json::object();
      check_inputs(value, empty, pointer);
    }
  }

  void check_inputs(const Json& step, Json& with, const std::string& pointer) {
    const auto uses = step.find("uses");
    const StepType* type =
        uses != step.end() && uses->is_string() ? find_step_type(uses->get_ref<const std::string&>()) : nullptr;
    if (type != nullptr) {
      check(with, type->inputs, pointer, false);
    }
  }

  void check_exactly_one(const Json& value, const Shape& shape, const std::string& pointer) {
    for (const std::vector<std::string>& group : shape.exactly_one) {
      std::string names;
      int given = 0;
      for (const std::string& key : group) {
        names += (names.empty() ? "'" : " or '") + key + "'";
        given += value.contains(key) ? 1 : 0;
      }
      if (given != 1) {
        error_at_key(pointer, (given == 0 ? "one of the keys " : "only one of the keys ") + names + " must be given");
      }
    }
  }

  void check_number(const Json& value, const Shape& shape, const std::string& pointer) {
    if (shape.automatic && value == kAutomatic) {
      return;
    }
    if (shape.kind == Kind::kInt && !value.is_number_integer()) {
      return expected(shape.automatic ? "an integer or auto" : "an integer", value, pointer);
    }
    if (!value.is_number()) {
      return expected(shape.automatic ? "a number or auto" : "a number", value, pointer);
    }
    const double number = value.get<double>();
    if (shape.least && number < *shape.least) {
      error(pointer, "must be at least " + number_text(*shape.least) + ", got " + value.dump());
    } else if (shape.greatest && number > *shape.greatest) {
      error(pointer, "must be at most " + number_text(*shape.greatest) + ", got " + value.dump());
    }
  }

  void check_input(const Json& value, const Shape& shape, const std::string& pointer) {
    if (value.is_object() && value.contains("$artifact")) {
      return check_artifact(value, shape, pointer);
    }
    if (value.is_object() && shape.kind == Kind::kModel && value.contains("base")) {
      return;
    }
    if (shape.kind == Kind::kArtifact) {
      return expected("an output of another step, such as ${{ steps.prepare.outputs.train }}", value, pointer);
    }
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) {
      expected(shape.kind == Kind::kModel ? "a model, such as tiny-llama, sports@production or an output of a step"
                                          : "a path beside the YAML file",
               value, pointer);
    }
  }

  void check_artifact(const Json& value, const Shape& shape, const std::string& pointer) {
    const auto kind = value.find("kind");
    const bool known = kind != value.end() && kind->is_string();
    const std::vector<std::string> allowed =
        shape.kind == Kind::kModel ? std::vector<std::string>{"model"} : shape.choices;
    if (known && !allowed.empty() &&
        std::find(allowed.begin(), allowed.end(), kind->get_ref<const std::string&>()) == allowed.end()) {
      expected("a " + allowed.front(), value, pointer);
    }
  }

  void check_text(Json& value, const Shape& shape, const std::string& pointer) {
    if (value.is_number() || value.is_boolean()) {
      value = value.dump();
    }
    if (!value.is_string()) {
      return expected("text", value, pointer);
    }
    const std::string& text = value.get_ref<const std::string&>();
    if (shape.kind == Kind::kName && !is_name(text)) {
      error(pointer, "'" + text.substr(0, kNameBytesMax) + "' is not a name; use letters, digits, _ and -, " +
                         "starting with a letter or _, at most 64");
    } else if (shape.kind == Kind::kStepType) {
      check_step_type(text, pointer);
    } else if (!shape.choices.empty() &&
               std::find(shape.choices.begin(), shape.choices.end(), text) == shape.choices.end()) {
      error(pointer, "'" + text.substr(0, kNameBytesMax) + "' is not allowed here" + suggestion(text, shape.choices));
    }
    check_units(text, shape.kind, pointer);
  }

  void check_step_type(const std::string& text, const std::string& pointer) {
    if (find_step_type(text) == nullptr) {
      std::vector<std::string> names;
      for (const StepType& type : step_types()) {
        names.push_back(type.name);
      }
      error(pointer, "unknown step type '" + text.substr(0, kNameBytesMax) + "'" + suggestion(text, names));
    }
  }

  void check_units(const std::string& text, Kind kind, const std::string& pointer) {
    std::string message;
    if (kind == Kind::kDuration) {
      const auto result = parse_duration(text);
      message = result ? "" : result.error().message;
    } else if (kind == Kind::kBackoff) {
      const auto result = parse_backoff(text);
      message = result ? "" : result.error().message;
    } else if (kind == Kind::kBytes) {
      const auto result = parse_bytes(text);
      message = result ? "" : result.error().message;
    }
    if (!message.empty()) {
      error(pointer, std::move(message));
    }
  }

  const bool resolved_;
};

}  // namespace

void check_value(Json& value, const Shape& shape, const LocatedJson& places, const std::string& pointer,
                 const std::string& file, std::vector<Diagnostic>& errors) {
  Checker checker(false);
  checker.check(value, shape, pointer, false);
  for (Checker::Violation& violation : checker.violations) {
    const auto found = places.places.find(violation.pointer);
    const bool key = violation.at_key && found != places.places.end() && found->second.key.line > 0;
    errors.push_back({file, key ? found->second.key : places.at(violation.pointer), std::move(violation.message)});
  }
}

std::string check_resolved(Json& inputs, const Shape& shape) {
  bool dropped = false;
  for (const Field& field : shape.fields) {
    const auto found = inputs.find(field.key);
    if (found == inputs.end()) {
      continue;
    }
    dropped = drop_nothings(*found, field.shape) || dropped;
    if (found->is_null() && !accepts_nothing(field.shape) && !field.required) {
      inputs.erase(found);
      dropped = true;
      continue;
    }
    Checker checker(true);
    checker.check(*found, field.shape, "/" + field.key, false);
    if (!checker.violations.empty()) {
      const Checker::Violation& first = checker.violations.front();
      std::string key = first.pointer.substr(1);
      std::replace(key.begin(), key.end(), '/', '.');
      return "`with." + key + "`: " + first.message;
    }
  }
  if (dropped) {
    fill_defaults(inputs, shape);
  }
  return {};
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !text.empty() && text.size() <= kNameBytesMax && letter(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&letter](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-'; });
}

std::string number_text(double number) {
  return number == std::floor(number) && std::abs(number) < 1e15 ? std::to_string(static_cast<std::int64_t>(number))
                                                                 : Json(number).dump();
}

std::string describe(const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    return "the text '" + (text.size() > 40 ? text.substr(0, 37) + "..." : text) + "'";
  }
  if (value.is_number()) {
    return "the number " + value.dump();
  }
  if (value.is_object() && value.contains("$artifact")) {
    const auto kind = value.find("kind");
    return kind != value.end() && kind->is_string() ? "an artifact of kind " + kind->get<std::string>() : "an artifact";
  }
  return value.is_null() ? "nothing" : value.is_boolean() ? value.dump() : value.is_array() ? "a list" : "a map";
}

void fill_defaults(Json& value, const Shape& declared) {
  const Shape& shape = option_for(declared, form_of(value));
  if (!value.is_object() || shape.kind != Kind::kObject) {
    return;
  }
  for (const Field& field : shape.fields) {
    if (!value.contains(field.key) && field.fallback) {
      value[field.key] = *field.fallback;
    }
    if (value.contains(field.key)) {
      fill_defaults(value[field.key], field.shape);
    }
  }
}

}  // namespace luthier::spec
