#include "pipelines/plan/matrix.h"

#include <algorithm>
#include <set>

#include "pipelines/plan/expression.h"
#include "pipelines/spec/check_value.h"
#include "pipelines/spec/syntax.h"

namespace luthier::plan {
namespace {

constexpr std::size_t kIdValueBytesMax = 40;

std::string id_text(const Json& value) {
  std::string text = to_text(value).substr(0, kIdValueBytesMax);
  for (char& c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                       c == '_' || c == '+' || c == '-';
    c = plain ? c : '-';
  }
  return text;
}

// Offline a required param may be missing; what mentions it stays an expression.
bool waits_for_param(const Json& value, const Json& params) {
  if (!value.is_string()) {
    return false;
  }
  for (const spec::Piece& piece : spec::split_expressions(value.get_ref<const std::string&>()).pieces) {
    const spec::ParsedExpression parsed =
        piece.is_expression ? spec::parse_expression(piece.text) : spec::ParsedExpression();
    for (const spec::Reference& reference :
         parsed.root ? spec::references(*parsed.root) : std::vector<spec::Reference>()) {
      if (reference.path[0] == "params" && reference.path.size() > 1 && !params.contains(reference.path[1])) {
        return true;
      }
    }
  }
  return false;
}

// The values of `located` with params put in; what is no scalar then is an error.
Json values_of(const spec::Spec& spec, const spec::LocatedJson& located, const Json& params,
               std::vector<spec::Diagnostic>& errors) {
  Json values = located.json;
  const Json scope{{"params", params}};
  const auto replace = [&](Json& value, const std::string& pointer) {
    if (waits_for_param(value, params)) {
      return;
    }
    auto replaced = substitute(value, scope);
    if (!replaced) {
      errors.push_back({spec.file, located.at(pointer), replaced.error().message});
    } else if (!replaced->is_primitive() || replaced->is_null()) {
      errors.push_back({spec.file, located.at(pointer),
                        "a value of a matrix is text, a number, true or false, got " + spec::describe(*replaced)});
    } else {
      value = std::move(*replaced);
    }
  };
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string pointer = spec::pointer_to("", std::to_string(i));
    if (values[i].is_object()) {  // an entry of `exclude` or `include`
      for (auto& [key, value] : values[i].items()) {
        replace(value, spec::pointer_to(pointer, key));
      }
    } else {
      replace(values[i], pointer);
    }
  }
  return values;
}

// Whether `member` has all values of `entry`.
bool matches(const Json& member, const Json& entry) {
  const auto items = entry.items();
  return std::all_of(items.begin(), items.end(), [&member](const auto& item) {
    return member.contains(item.key()) && member[item.key()] == item.value();
  });
}

// Makes `members` of `step` what its `include` asks for.
class Includer {
 public:
  Includer(const spec::Spec& spec, const spec::Step& step, std::vector<Json>& members,
           std::vector<spec::Diagnostic>& errors)
      : spec_(spec), step_(step), members_(members), errors_(errors) {
    for (const spec::MatrixAxis& axis : step.matrix) {
      axes_.insert(axis.name);
    }
  }

  // First every new member, then the further values, so that the order of entries means nothing.
  void apply(const Json& entries) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const auto [key_values, further] = split(entries[i]);
      if (key_values.size() == axes_.size() && !any_has(key_values)) {
        members_.push_back(entries[i]);
        added_.insert(i);
      }
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (!added_.contains(i)) {
        extend(entries[i], step_.include.at("/" + std::to_string(i)));
      }
    }
    for (const std::string& key : spec::further_keys(step_)) {
      for (Json& member : members_) {
        member.emplace(key, nullptr);
      }
    }
  }

 private:
  void error(spec::Position at, std::string message) { errors_.push_back({spec_.file, at, std::move(message)}); }

  // The values of matrix keys, and the others.
  [[nodiscard]] std::pair<Json, Json> split(const Json& entry) const {
    Json of_axes = Json::object();
    Json further = Json::object();
    for (const auto& [key, value] : entry.items()) {
      (axes_.contains(key) ? of_axes : further)[key] = value;
    }
    return {std::move(of_axes), std::move(further)};
  }

  [[nodiscard]] bool any_has(const Json& values) const {
    return std::any_of(members_.begin(), members_.end(), [&](const Json& member) { return matches(member, values); });
  }

  void extend(const Json& entry, spec::Position at) {
    const auto [of_axes, further] = split(entry);
    const bool whole = of_axes.size() == axes_.size();
    if (further.empty()) {
      return error(at, whole ? "the matrix has this member already"
                             : "this adds nothing: give every key of the matrix (" + names() +
                                   ") for a further member, or a further key for those that match");
    }
    if (!any_has(of_axes)) {
      return error(at, "no member of the matrix has these values; give every key of the matrix (" + names() +
                           ") for a further member");
    }
    for (Json& member : members_) {
      if (!matches(member, of_axes)) {
        continue;
      }
      for (const auto& [key, value] : further.items()) {
        if (member.contains(key)) {
          return error(at, "'" + key + "' of " + member_id(step_, member) + " is given twice in 'include'");
        }
        member[key] = value;
      }
    }
  }

  [[nodiscard]] std::string names() const {
    std::string text;
    for (const std::string& axis : axes_) {
      text += (text.empty() ? "" : ", ") + axis;
    }
    return text;
  }

  const spec::Spec& spec_;
  const spec::Step& step_;
  std::vector<Json>& members_;
  std::vector<spec::Diagnostic>& errors_;
  std::set<std::string> axes_;
  std::set<std::size_t> added_;  // entries that became members
};

std::vector<Json> combinations(const spec::Spec& spec, const spec::Step& step, const Json& params,
                               std::vector<spec::Diagnostic>& errors) {
  std::vector<Json> members{Json::object()};
  for (const spec::MatrixAxis& axis : step.matrix) {
    const Json values = values_of(spec, axis.values, params, errors);
    std::vector<Json> longer;
    for (const Json& member : members) {
      for (const Json& value : values) {
        Json next = member;
        next[axis.name] = value;
        longer.push_back(std::move(next));
      }
    }
    members = std::move(longer);
  }
  return members;
}

}  // namespace

std::vector<Json> expand_matrix(const spec::Spec& spec, const spec::Step& step, const Json& params,
                                std::vector<spec::Diagnostic>& errors) {
  std::vector<Json> members = combinations(spec, step, params, errors);
  if (step.matrix.empty()) {
    return members;
  }
  const Json exclude = values_of(spec, step.exclude, params, errors);
  std::erase_if(members, [&exclude](const Json& member) {
    return std::any_of(exclude.begin(), exclude.end(), [&member](const Json& entry) { return matches(member, entry); });
  });
  Includer(spec, step, members, errors).apply(values_of(spec, step.include, params, errors));
  if (members.empty()) {
    errors.push_back({spec.file, step.at, "every member of the matrix of step '" + step.name + "' is excluded"});
  }
  if (members.size() > spec::kMatrixMembersMax) {
    errors.push_back({spec.file, step.include.at(""),
                      "the matrix has more than " + std::to_string(spec::kMatrixMembersMax) + " members"});
  }
  std::set<std::string> ids;
  for (const Json& member : members) {
    const std::string id = member_id(step, member);
    if (!ids.insert(id).second) {
      errors.push_back(
          {spec.file, step.at, "two members of the matrix have the id '" + id + "'; make their values differ"});
    }
  }
  return members;
}

std::string member_id(const spec::Step& step, const Json& member) {
  std::string values;
  for (const spec::MatrixAxis& axis : step.matrix) {
    values += (values.empty() ? "" : ",") + axis.name + "=" + id_text(member.value(axis.name, Json()));
  }
  return values.empty() ? step.name : step.name + "[" + values + "]";
}

}  // namespace luthier::plan
