#include "pipelines/spec/infer_type.h"

#include <algorithm>

#include "pipelines/spec/diagnostic.h"
#include "pipelines/spec/functions.h"

namespace luthier::spec {
namespace {

constexpr std::size_t kWrittenBytesMax = 60;

std::vector<std::string> names_of(const std::vector<TypedMember>& members) {
  std::vector<std::string> names;
  for (const TypedMember& member : members) {
    names.push_back(member.name);
  }
  return names;
}

const Type* find_member(const std::vector<TypedMember>& members, const std::string& name) {
  for (const TypedMember& member : members) {
    if (member.name == name) {
      return &member.type;
    }
  }
  return nullptr;
}

// "params.epochs (text)".
std::string told(const Expression& node, const Type& type) { return written(node) + " (" + words(type) + ")"; }

std::string joined_words(const std::vector<std::string>& choices) {
  std::string text;
  for (const std::string& choice : choices) {
    text += (text.empty() ? "'" : ", '") + choice + "'";
  }
  return text;
}

class Inference {
 public:
  explicit Inference(const TypeScope& scope) : scope_(scope) {}

  Type infer(const Expression& node) {
    switch (node.kind) {
      case Expression::Kind::kLiteral: return literal(node.literal);
      case Expression::Kind::kName: return name(node);
      case Expression::Kind::kMember: return member(node);
      case Expression::Kind::kIndex: return index(node);
      case Expression::Kind::kUnary: return unary(node);
      case Expression::Kind::kBinary: return binary(node);
      case Expression::Kind::kCall: return call(node);
    }
    return types::any();
  }

  std::vector<TypeProblem> problems;

 private:
  Type problem(const Expression& node, std::string message, Type instead = types::any()) {
    problems.push_back({std::move(message), node.column});
    return instead;
  }

  // Of an operand: the caret goes where its text begins.
  Type problem_of(const Expression& operand, std::string message, Type instead = types::any()) {
    problems.push_back({std::move(message), first_column(operand)});
    return instead;
  }

  static Type literal(const nlohmann::json& value) {
    return value.is_null()             ? types::nothing()
           : value.is_boolean()        ? types::truth()
           : value.is_number_integer() ? types::integer()
           : value.is_number()         ? types::number()
                                       : types::text({value.get<std::string>()});
  }

  Type name(const Expression& node) {
    const Type* known = find_member(scope_.names, node.text);
    return known == nullptr ? types::any() : *known;
  }

  static bool is_steps(const Expression& node) { return node.kind == Expression::Kind::kName && node.text == "steps"; }

  Type member(const Expression& node) {
    const Expression& object = node.children[0];
    if (is_steps(object)) {
      return scope_.step(node.text);
    }
    if (object.kind == Expression::Kind::kName) {  // without a copy of the whole record
      const Type* record = find_member(scope_.names, object.text);
      return record == nullptr ? types::any() : look_up(node, object, *record, node.text);
    }
    return look_up(node, object, infer(object), node.text);
  }

  Type look_up(const Expression& node, const Expression& object, const Type& type, const std::string& key) {
    constexpr unsigned kNamed = Type::kMap | Type::kArtifact | Type::kModel;
    if (type.forms != Type::kNothing && !type.may_be(kNamed)) {
      return problem(node, told(object, type) + " has no members, so no '" + key + "'");
    }
    const bool record = type.is_only(Type::kMap);
    const std::vector<TypedMember> other = record ? std::vector<TypedMember>() : members_of(type);
    const std::vector<TypedMember>& members = record ? type.members : other;
    if (members.empty()) {
      return record && !type.items.empty() ? type.items.front() : types::any();
    }
    if (const Type* found = find_member(members, key)) {
      return *found;
    }
    // Params, outputs and the like were looked for in check_references.cc.
    const bool said = object.kind == Expression::Kind::kName ||
                      (object.kind == Expression::Kind::kMember && object.text == "outputs") ||
                      (object.kind == Expression::Kind::kMember && is_steps(object.children[0]));
    return said ? types::any()
                : problem(node, written(object) + " has no member '" + key + "'" + suggestion(key, names_of(members)));
  }

  Type index(const Expression& node) {
    const Expression& object = node.children[0];
    const Expression& key = node.children[1];
    const Type key_type = infer(key);
    const bool literal = key.kind == Expression::Kind::kLiteral && key.literal.is_string();
    if (is_steps(object)) {
      if (!key_type.may_be(Type::kText)) {
        return problem_of(key, "the id of a step is text, not " + words(key_type));
      }
      return literal ? scope_.step(key.literal.get<std::string>()) : types::any();
    }
    const Type type = infer(object);
    if (type.is_only(Type::kList)) {
      if (!key_type.may_be(Type::kNumber)) {
        return problem_of(key, "the index of a list is an integer, not " + words(key_type));
      }
      return type.items.empty() ? types::any() : type.items.front();
    }
    if (!type.may_be(Type::kList) && type.forms != Type::kNothing && !key_type.may_be(Type::kText)) {
      return problem_of(key, "the key of " + told(object, type) + " is text, not " + words(key_type));
    }
    if (literal) {
      return type.may_be(Type::kList) ? types::any() : look_up(node, object, type, key.literal.get<std::string>());
    }
    return type.is_only(Type::kMap) && !type.items.empty() ? type.items.front() : types::any();
  }

  Type unary(const Expression& node) {
    const Expression& operand = node.children[0];
    const Type type = infer(operand);
    if (node.text == "!") {
      check_truth("!", operand, type);
      return types::truth();
    }
    if (!type.may_be(Type::kNumber)) {
      return problem(node, "- takes numbers, got " + told(operand, type), types::number());
    }
    return type.whole ? types::integer() : types::number();
  }

  void check_truth(const std::string& where, const Expression& operand, const Type& type) {
    if (std::string message = truth_problem(where, operand, type); !message.empty()) {
      problem_of(operand, std::move(message));
    }
  }

  Type binary(const Expression& node) {
    const Expression& left = node.children[0];
    const Expression& right = node.children[1];
    const Type a = infer(left);
    const Type b = infer(right);
    if (node.text == "&&" || node.text == "||") {
      check_truth(node.text, left, a);
      check_truth(node.text, right, b);
      return types::truth();
    }
    if (node.text == "==" || node.text == "!=") {
      return equal(node, a, b);
    }
    if (node.text[0] == '<' || node.text[0] == '>') {
      return ordered(node, a, b);
    }
    return arithmetic(node, a, b);
  }

  Type equal(const Expression& node, const Type& a, const Type& b) {
    const Expression& left = node.children[0];
    const Expression& right = node.children[1];
    if (a.forms != Type::kNothing && b.forms != Type::kNothing && !a.may_be(b.forms & ~Type::kNothing)) {
      return problem(node,
                     "cannot compare " + told(left, a) + " with " + told(right, b) + like_types(left, right, a, b),
                     types::truth());
    }
    const bool two_literals = left.kind == Expression::Kind::kLiteral && right.kind == Expression::Kind::kLiteral;
    const bool texts = a.is_only(Type::kText) && b.is_only(Type::kText) && !a.choices.empty() && !b.choices.empty();
    if (texts && !two_literals && std::none_of(a.choices.begin(), a.choices.end(), [&b](const std::string& choice) {
          return std::find(b.choices.begin(), b.choices.end(), choice) != b.choices.end();
        })) {
      const bool literal_left = left.kind == Expression::Kind::kLiteral;
      const Type& known = literal_left ? b : a;
      const Type& asked = literal_left ? a : b;
      const std::string hint = asked.choices.size() == 1 ? nearest(asked.choices[0], known.choices) : "";
      return problem(
          literal_left ? left : right,
          written(literal_left ? right : left) + " is never " + joined_words(asked.choices) +
              (hint.empty() ? "; it is one of " + joined_words(known.choices) : "; did you mean '" + hint + "'?"),
          types::truth());
    }
    return types::truth();
  }

  // What to do about two operands of different types.
  static std::string like_types(const Expression& left, const Expression& right, const Type& a, const Type& b) {
    const auto is_text_literal = [](const Expression& node) {
      return node.kind == Expression::Kind::kLiteral && node.literal.is_string();
    };
    if ((is_text_literal(left) && !b.may_be(Type::kText)) || (is_text_literal(right) && !a.may_be(Type::kText))) {
      const Expression& text = is_text_literal(left) ? left : right;
      const std::string value = text.literal.get<std::string>();
      const ParsedExpression parsed = parse_expression(value);
      const bool plain = parsed.root && parsed.root->kind == Expression::Kind::kLiteral &&
                         literal(parsed.root->literal).may_be((is_text_literal(left) ? b : a).forms);
      return plain ? "; remove the quotes around " + value : "; only values of one type can be compared";
    }
    return "; only values of one type can be compared";
  }

  Type ordered(const Expression& node, const Type& a, const Type& b) {
    const unsigned common = a.forms & b.forms & (Type::kNumber | Type::kText);
    if (common != 0) {
      return types::truth();
    }
    const Expression& left = node.children[0];
    const Expression& right = node.children[1];
    const std::string both = told(left, a) + " with " + told(right, b);
    const bool orderable = a.may_be(Type::kNumber | Type::kText) && b.may_be(Type::kNumber | Type::kText);
    return problem(node,
                   "cannot compare " + both +
                       (orderable ? like_types(left, right, a, b) : "; " + node.text + " is for numbers and for texts"),
                   types::truth());
  }

  Type arithmetic(const Expression& node, const Type& a, const Type& b) {
    const unsigned numbers = a.forms & b.forms & Type::kNumber;
    const unsigned texts = node.text == "+" ? a.forms & b.forms & Type::kText : 0U;
    if ((numbers | texts) == 0) {
      return problem(node, "cannot compute " + told(node.children[0], a) + " " + node.text + " " +
                               told(node.children[1], b) +
                               (node.text == "+" ? "; join text with format()" : "; " + node.text + " takes numbers"));
    }
    Type result = types::one_of(numbers | texts);
    result.whole = a.whole && b.whole && node.text != "/" && texts == 0;
    return result;
  }

  Type call(const Expression& node) {
    const Function* function = find_function(node.text);
    std::vector<Type> given;
    for (const Expression& child : node.children) {
      given.push_back(infer(child));
    }
    if (function == nullptr) {
      return types::any();
    }
    const std::size_t before = problems.size();
    for (std::size_t i = 0; i < given.size() && !function->takes.empty(); ++i) {
      check_argument(node, *function, i, given[i]);
    }
    if (problems.size() > before) {
      return function->gives;
    }
    if (node.text == "contains") {
      check_contains(node, given);
    } else if (node.text == "format") {
      check_format(node);
    } else if (node.text == "default") {
      Type first = given[0];
      first.forms &= ~static_cast<unsigned>(Type::kNothing);
      return first.forms == 0 ? given[1] : united(first, given[1]);
    } else if (node.text == "min" || node.text == "max") {
      return extreme(node, given);
    }
    return function->gives;
  }

  void check_argument(const Expression& node, const Function& function, std::size_t i, const Type& given) {
    const Type& wanted = function.takes[std::min(i, function.takes.size() - 1)];
    if (!given.may_be(wanted.forms)) {
      const std::string which = node.children.size() == 1 ? "" : " as argument " + std::to_string(i + 1);
      problem_of(node.children[i],
                 node.text + "() takes " + words(wanted) + which + ", got " + told(node.children[i], given));
    }
  }

  void check_contains(const Expression& node, const std::vector<Type>& given) {
    if (given[0].is_only(Type::kText | Type::kMap) && !given[1].may_be(Type::kText)) {
      problem_of(node.children[1], "contains() looks for text in " + told(node.children[0], given[0]) + ", got " +
                                       told(node.children[1], given[1]));
    } else if (given[0].is_only(Type::kList) && !given[0].items.empty() &&
               !given[1].may_be(given[0].items.front().forms)) {
      problem_of(node.children[1], written(node.children[0]) + " holds " + words(given[0].items.front()) +
                                       ", so it never contains " + told(node.children[1], given[1]));
    }
  }

  void check_format(const Expression& node) {
    const Expression& pattern = node.children[0];
    if (pattern.kind == Expression::Kind::kLiteral && pattern.literal.is_string()) {
      const std::string wrong = format_problem(pattern.literal.get_ref<const std::string&>(), node.children.size() - 1);
      if (!wrong.empty()) {
        problem_of(pattern, "format(): " + wrong);
      }
    }
  }

  Type extreme(const Expression& node, const std::vector<Type>& given) {
    if (given.size() == 1 && given[0].is_only(Type::kList)) {
      return given[0].items.empty() ? types::one_of(Type::kNumber | Type::kText) : given[0].items.front();
    }
    Type all = given[0];
    for (std::size_t i = 1; i < given.size(); ++i) {
      if (!given[i].may_be(given[0].forms & (Type::kNumber | Type::kText))) {
        return problem_of(node.children[i], "cannot compare " + told(node.children[0], given[0]) + " with " +
                                                told(node.children[i], given[i]) + "; " + node.text +
                                                "() takes numbers or texts");
      }
      all = united(all, given[i]);
    }
    return all;
  }

  const TypeScope& scope_;
};

}  // namespace

InferredType infer_type(const Expression& root, const TypeScope& scope) {
  Inference inference(scope);
  Type type = inference.infer(root);
  return {std::move(type), std::move(inference.problems)};
}

int first_column(const Expression& node) {
  int column = node.column;
  for (const Expression& child : node.children) {
    column = std::min(column, first_column(child));
  }
  return column;
}

std::string written(const Expression& node) {
  std::string text = "this expression";
  if (node.kind == Expression::Kind::kLiteral) {
    text = node.literal.is_string() ? "'" + node.literal.get<std::string>() + "'" : node.literal.dump();
  } else if (node.kind == Expression::Kind::kName) {
    text = node.text;
  } else if (node.kind == Expression::Kind::kMember) {
    text = written(node.children[0]) + "." + node.text;
  } else if (node.kind == Expression::Kind::kIndex) {
    text = written(node.children[0]) + "[" + written(node.children[1]) + "]";
  } else if (node.kind == Expression::Kind::kCall) {
    text = node.text + (node.children.empty() ? "()" : "(…)");
  }
  return text.size() > kWrittenBytesMax || text.starts_with("this expression.") ? "this expression" : text;
}

std::string truth_problem(const std::string& where, const Expression& node, const Type& type) {
  if (type.may_be(Type::kTruth | Type::kNothing)) {
    return {};
  }
  const std::string name = written(node);
  const std::string shown = name == "this expression" ? "X" : name;
  const std::string hint = type.is_only(Type::kNumber) ? "; compare it, as in " + shown + " > 0"
                           : type.is_only(Type::kText) ? "; compare it, as in " + shown + " == 'yes'"
                           : type.is_only(Type::kList) || type.is_only(Type::kMap)
                               ? "; ask for its length, as in length(" + shown + ") > 0"
                               : "; compare it with null, as in " + shown + " != null";
  return where + " takes true or false, got " + told(node, type) + hint;
}

}  // namespace luthier::spec
