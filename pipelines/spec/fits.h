// Whether a value of a static type can be what a declared Shape takes. Pure.
#pragma once

#include <string>

#include "pipelines/spec/declaration.h"
#include "pipelines/spec/value_type.h"

namespace luthier::spec {

// "an integer", "a list", "a dataset", "a map or text": what the shape takes, for messages.
[[nodiscard]] std::string expected_words(const Shape& shape);

// Empty when some value of `type` fits `shape`; else what was expected, and within which part of the value when it is
// not the whole: "an integer", "text in each item". null fits everywhere: a key whose value is null counts as not
// given.
[[nodiscard]] std::string mismatch(const Shape& shape, const Type& type);

}  // namespace luthier::spec
