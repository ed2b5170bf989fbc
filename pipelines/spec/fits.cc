#include "pipelines/spec/fits.h"

#include <algorithm>

namespace luthier::spec {
namespace {

// The forms of values that a shape of this kind may take.
unsigned forms_of(const Shape& shape) {
  constexpr unsigned kScalars = Type::kText | Type::kNumber | Type::kTruth;
  switch (shape.kind) {
    case Kind::kAny:
    case Kind::kStepInputs: return Type::kAny;
    case Kind::kScalar: return kScalars;
    case Kind::kInt:
    case Kind::kFloat: return shape.automatic ? Type::kNumber | Type::kText : static_cast<unsigned>(Type::kNumber);
    case Kind::kBool: return Type::kTruth;
    case Kind::kList: return shape.repository ? Type::kList | Type::kArtifact : static_cast<unsigned>(Type::kList);
    case Kind::kMap:
    case Kind::kObject: return Type::kMap;
    case Kind::kPath: return Type::kText | Type::kArtifact;
    case Kind::kArtifact: return Type::kArtifact;
    case Kind::kModel: return Type::kText | Type::kModel | Type::kArtifact;
    case Kind::kString: return shape.choices.empty() ? kScalars : static_cast<unsigned>(Type::kText);
    default: return kScalars;  // kinds of text; a number is taken as written
  }
}

std::string mismatch_inside(const Shape& shape, const Type& type) {
  const bool list = shape.kind == Kind::kList && type.is_only(Type::kList);
  const bool map = shape.kind == Kind::kMap && type.is_only(Type::kMap);
  if ((list || map) && !type.items.empty()) {
    const std::string wrong = mismatch(shape.options.front(), type.items.front());
    return wrong.empty() ? "" : (list ? "a list, each item " : "a map, each value ") + wrong;
  }
  if (type.is_only(Type::kMap)) {
    for (const TypedMember& member : type.members) {
      const Field* field = shape.kind == Kind::kObject ? find_field(shape, member.name) : nullptr;
      const std::string wrong = field != nullptr           ? mismatch(field->shape, member.type)
                                : shape.kind == Kind::kMap ? mismatch(shape.options.front(), member.type)
                                                           : "";
      if (!wrong.empty()) {
        return "a map whose '" + member.name + "' is " + wrong;
      }
      if (shape.kind == Kind::kObject && field == nullptr) {
        return "a map without '" + member.name + "'";
      }
    }
  }
  return {};
}

}  // namespace

std::string expected_words(const Shape& shape) {
  switch (shape.kind) {
    case Kind::kInt: return shape.automatic ? "an integer or auto" : "an integer";
    case Kind::kFloat: return shape.automatic ? "a number or auto" : "a number";
    case Kind::kBool: return "true or false";
    case Kind::kScalar: return "text, a number, true or false";
    case Kind::kList: return "a list";
    case Kind::kMap:
    case Kind::kObject:
    case Kind::kStepInputs: return "a map";
    case Kind::kPath: return "a path or an artifact";
    case Kind::kArtifact: return shape.choices.empty() ? "an artifact" : "a " + shape.choices.front();
    case Kind::kModel: return "a model";
    case Kind::kAny: return "a value";
    case Kind::kOneOf: {
      std::string words;
      for (const Shape& option : shape.options) {
        words += (words.empty() ? "" : " or ") + expected_words(option);
      }
      return words;
    }
    default: return "text";
  }
}

std::string mismatch(const Shape& shape, const Type& type) {
  if ((type.forms & ~Type::kNothing) == 0) {
    return {};
  }
  if (shape.kind == Kind::kOneOf) {
    const bool any = std::any_of(shape.options.begin(), shape.options.end(),
                                 [&type](const Shape& option) { return mismatch(option, type).empty(); });
    return any ? "" : expected_words(shape);
  }
  if (!type.may_be(forms_of(shape) & ~Type::kNothing)) {
    return expected_words(shape);
  }
  if (shape.kind == Kind::kArtifact && type.is_only(Type::kArtifact) && !type.kind.empty() && !shape.choices.empty() &&
      std::find(shape.choices.begin(), shape.choices.end(), type.kind) == shape.choices.end()) {
    return expected_words(shape);
  }
  if (shape.kind == Kind::kModel && type.is_only(Type::kArtifact) && !type.kind.empty() && type.kind != "model") {
    return expected_words(shape);
  }
  if (shape.automatic && type.is_only(Type::kText) && !type.choices.empty() &&
      std::find(type.choices.begin(), type.choices.end(), "auto") == type.choices.end()) {
    return expected_words(shape);
  }
  if (shape.kind == Kind::kString && type.is_only(Type::kText) && !shape.choices.empty() && !type.choices.empty() &&
      std::none_of(type.choices.begin(), type.choices.end(), [&shape](const std::string& choice) {
        return std::find(shape.choices.begin(), shape.choices.end(), choice) != shape.choices.end();
      })) {
    std::string names;
    for (const std::string& choice : shape.choices) {
      names += (names.empty() ? "" : ", ") + choice;
    }
    return "one of " + names;
  }
  return mismatch_inside(shape, type);
}

}  // namespace luthier::spec
