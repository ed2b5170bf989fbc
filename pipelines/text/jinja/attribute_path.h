// AttributePath: what filters call an attribute: "name", "function.name", or an index.
#pragma once

#include <vector>

#include "pipelines/text/jinja/evaluator.h"

namespace luthier::text::jinja {

class AttributePath {
 public:
  // None: the item itself. Parts between dots; those of digits are indexes.
  explicit AttributePath(const Value& attribute);
  // `fallback`, when given, stands in for what is undefined on the way.
  [[nodiscard]] Value read(Evaluator& evaluator, const Value& item, const Value* fallback = nullptr) const;

 private:
  std::vector<Value> parts_;
};

}  // namespace luthier::text::jinja
