#include "pipelines/plan/matrix.h"

#include <algorithm>
#include <set>

#include "pipelines/plan/expression.h"
#include "pipelines/spec/check_value.h"

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

// The values of `located` with params put in; what is no scalar then is an error.
Json values_of(const spec::Spec& spec, const spec::LocatedJson& located, const Json& params,
               std::vector<spec::Diagnostic>& errors) {
  Json values = located.json;
  const Json scope{{"params", params}};
  const auto replace = [&](Json& value, const std::string& pointer) {
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
    if (values[i].is_object()) {  // an entry of `exclude`
      for (auto& [key, value] : values[i].items()) {
        replace(value, spec::pointer_to(pointer, key));
      }
    } else {
      replace(values[i], pointer);
    }
  }
  return values;
}

bool is_excluded(const Json& member, const Json& exclude) {
  return std::any_of(exclude.begin(), exclude.end(), [&member](const Json& entry) {
    const auto items = entry.items();
    return std::all_of(items.begin(), items.end(), [&member](const auto& item) {
      return member.contains(item.key()) && member[item.key()] == item.value();
    });
  });
}

}  // namespace

std::vector<Json> expand_matrix(const spec::Spec& spec, const spec::Step& step, const Json& params,
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
  if (step.matrix.empty()) {
    return members;
  }
  const Json exclude = values_of(spec, step.exclude, params, errors);
  std::erase_if(members, [&exclude](const Json& member) { return is_excluded(member, exclude); });
  if (members.empty()) {
    errors.push_back({spec.file, step.at, "every member of the matrix of step '" + step.name + "' is excluded"});
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
