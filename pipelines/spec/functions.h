// The functions that expressions may call: names, arguments, types and meaning, once. The parser counts arguments by
// this table, infer_type.h checks their types, docs/pipelines.md is held against it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/spec/value_type.h"

namespace luthier::spec {

struct Function {
  std::string name;
  int arguments_min = 0;
  int arguments_max = 0;
  std::vector<Type> takes;  // of each argument; the last one also of all that follow
  Type gives;               // of default, min and max: what their arguments are
  std::string doc;
};

[[nodiscard]] const std::vector<Function>& functions();
// nullptr for an unknown name.
[[nodiscard]] const Function* find_function(std::string_view name);

// What is wrong with the pattern of format() for so many arguments after it; empty when nothing is.
[[nodiscard]] std::string format_problem(std::string_view pattern, std::size_t arguments);

}  // namespace luthier::spec
