// Static types of expressions: what is known about a value before anything runs.
//
// A Type is a set of forms that a value may have, with what is known of each. A clash of types is only what no value of
// the two can satisfy, so what is not known (outputs of a `run` step, fromJson) is let through, and looked at when the
// step becomes ready. Pure values.
#pragma once

#include <string>
#include <vector>

namespace luthier::spec {

struct TypedMember;

struct Type {
  enum Form : unsigned {
    kNothing = 1,  // null
    kTruth = 2,    // true or false
    kNumber = 4,
    kText = 8,
    kList = 16,
    kMap = 32,
    kArtifact = 64,  // {"$artifact": …, "kind": …}
    kModel = 128,    // {"base": …, "adapter": …, "name": …}
    kAny = 255,
  };

  unsigned forms = kAny;
  bool whole = false;                // of numbers: integers only
  std::vector<std::string> choices;  // of texts: the only ones; empty: any text
  std::string kind;                  // of artifacts: dataset, tokenizer, …; empty: any
  std::vector<Type> items;           // of a list, or of a map of any names: the type of its values; empty: unknown
  std::vector<TypedMember> members;  // of a map of these names and no others; empty: any names

  [[nodiscard]] bool may_be(unsigned some) const { return (forms & some) != 0; }
  // Nothing but these forms, as far as a value is there at all.
  [[nodiscard]] bool is_only(unsigned some) const {
    return (forms & ~kNothing) != 0 && (forms & ~kNothing & ~some) == 0;
  }
};

struct TypedMember {
  std::string name;
  Type type;
};

namespace types {
[[nodiscard]] Type any();
[[nodiscard]] Type nothing();
[[nodiscard]] Type truth();
[[nodiscard]] Type number();
[[nodiscard]] Type integer();
[[nodiscard]] Type text(std::vector<std::string> choices = {});
[[nodiscard]] Type list_of(Type item);
[[nodiscard]] Type map_of(Type value);
[[nodiscard]] Type record(std::vector<TypedMember> members);
[[nodiscard]] Type artifact(const std::string& kind);
[[nodiscard]] Type model();
[[nodiscard]] Type or_nothing(Type type);
[[nodiscard]] Type one_of(unsigned forms);
}  // namespace types

// What a value has that is of the one type or of the other.
[[nodiscard]] Type united(const Type& a, const Type& b);

// The members that can be asked for by name: of a record, an artifact or a model. Empty: any name may do, or none.
[[nodiscard]] std::vector<TypedMember> members_of(const Type& type);

// "text", "a number", "a list or a map", "a dataset", "anything".
[[nodiscard]] std::string words(const Type& type);

}  // namespace luthier::spec
