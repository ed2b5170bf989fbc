#include "pipelines/spec/value_type.h"

#include <algorithm>

namespace luthier::spec {
namespace {

constexpr std::size_t kChoicesMax = 200;  // more are as good as any text

bool same(const Type& a, const Type& b) {
  const auto same_member = [](const TypedMember& x, const TypedMember& y) {
    return x.name == y.name && same(x.type, y.type);
  };
  return a.forms == b.forms && a.whole == b.whole && a.choices == b.choices && a.kind == b.kind &&
         std::equal(a.items.begin(), a.items.end(), b.items.begin(), b.items.end(), same) &&
         std::equal(a.members.begin(), a.members.end(), b.members.begin(), b.members.end(), same_member);
}

// "a" or "an" before what is no mass noun.
std::string with_article(const std::string& noun) {
  const bool vowel = std::string("aeiou").find(noun.front()) != std::string::npos;
  return (vowel ? "an " : "a ") + noun;
}

}  // namespace

namespace types {

Type one_of(unsigned forms) {
  Type type;
  type.forms = forms;
  return type;
}
Type any() { return {}; }
Type nothing() { return one_of(Type::kNothing); }
Type truth() { return one_of(Type::kTruth); }
Type number() { return one_of(Type::kNumber); }
Type integer() {
  Type type = number();
  type.whole = true;
  return type;
}
Type text(std::vector<std::string> choices) {
  Type type = one_of(Type::kText);
  type.choices = std::move(choices);
  return type;
}
Type list_of(Type item) {
  Type type = one_of(Type::kList);
  type.items.push_back(std::move(item));
  return type;
}
Type map_of(Type value) {
  Type type = one_of(Type::kMap);
  type.items.push_back(std::move(value));
  return type;
}
Type record(std::vector<TypedMember> members) {
  Type type = one_of(Type::kMap);
  type.members = std::move(members);
  return type;
}
Type artifact(const std::string& kind) {
  Type type = one_of(Type::kArtifact);
  type.kind = kind;
  return type;
}
Type model() { return one_of(Type::kModel); }
Type or_nothing(Type type) {
  type.forms |= Type::kNothing;
  return type;
}

}  // namespace types

Type united(const Type& a, const Type& b) {
  const auto lacks = [](const Type& type, unsigned form) { return !type.may_be(form); };
  Type type = types::one_of(a.forms | b.forms);
  type.whole = (a.whole || lacks(a, Type::kNumber)) && (b.whole || lacks(b, Type::kNumber)) && (a.whole || b.whole);
  if (lacks(a, Type::kText) || lacks(b, Type::kText)) {
    type.choices = lacks(a, Type::kText) ? b.choices : a.choices;
  } else if (!a.choices.empty() && !b.choices.empty()) {
    type.choices = a.choices;
    for (const std::string& choice : b.choices) {
      if (std::find(a.choices.begin(), a.choices.end(), choice) == a.choices.end()) {
        type.choices.push_back(choice);
      }
    }
    if (type.choices.size() > kChoicesMax) {
      type.choices.clear();
    }
  }
  if (lacks(a, Type::kArtifact) || lacks(b, Type::kArtifact) || a.kind == b.kind) {
    type.kind = lacks(a, Type::kArtifact) ? b.kind : a.kind;
  }
  constexpr unsigned kStructured = Type::kList | Type::kMap;
  if (lacks(a, kStructured) || lacks(b, kStructured)) {
    const Type& from = lacks(a, kStructured) ? b : a;
    type.items = from.items;
    type.members = from.members;
  } else if (a.forms == b.forms && same(a, b)) {
    type.items = a.items;
    type.members = a.members;
  }
  return type;
}

std::vector<TypedMember> members_of(const Type& type) {
  if (type.is_only(Type::kMap)) {
    return type.members;
  }
  if (type.is_only(Type::kArtifact)) {
    return {{"kind", types::text()}, {"$artifact", types::text()}};
  }
  if (type.is_only(Type::kModel)) {
    return {{"base", types::or_nothing(types::artifact("model"))},
            {"adapter", types::or_nothing(types::artifact("adapter"))},
            {"name", types::or_nothing(types::text())},
            {"version", types::or_nothing(types::integer())}};
  }
  return {};
}

std::string words(const Type& type) {
  if (type.forms == Type::kNothing) {
    return "nothing";
  }
  if ((type.forms | Type::kNothing) == Type::kAny) {
    return "anything";
  }
  const std::vector<std::pair<unsigned, std::string>> names{
      {Type::kText, "text"},           {Type::kNumber, type.whole ? "an integer" : "a number"},
      {Type::kTruth, "true or false"}, {Type::kList, "a list"},
      {Type::kMap, "a map"},           {Type::kArtifact, with_article(type.kind.empty() ? "artifact" : type.kind)},
      {Type::kModel, "a model"},
  };
  std::string text;
  for (const auto& [form, name] : names) {
    if (type.may_be(form)) {
      text += (text.empty() ? "" : " or ") + name;
    }
  }
  return text;
}

}  // namespace luthier::spec
