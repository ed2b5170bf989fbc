// YamlTree: a YAML document as plain values with places. The only code that knows yaml-cpp; its exceptions stop
// here. Aliases are expanded; depth and the number of nodes after expansion are bounded.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelines/spec/diagnostic.h"

namespace luthier::spec {

struct YamlMember;

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  std::string text;     // of a scalar
  bool quoted = false;  // a quoted or block scalar is text, whatever it looks like
  Position at;
  std::vector<YamlNode> items;      // of a list
  std::vector<YamlMember> members;  // of a map, in the file's order; keys are scalars, unique
};

struct YamlMember {
  YamlNode key;
  YamlNode value;
};

struct YamlTree {
  YamlNode root;
  std::vector<Diagnostic> errors;  // `root` is meaningful only when empty
};

[[nodiscard]] YamlTree read_yaml(std::string_view text, const std::string& file_name);

}  // namespace luthier::spec
