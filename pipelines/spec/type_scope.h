// What the names of expressions are, by the declarations of a file: params, matrix keys, outputs of steps. Pure.
#pragma once

#include "pipelines/spec/infer_type.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {

[[nodiscard]] Type type_of_param(const Param& param);

// The type of a value written in the file; texts hold no expression.
[[nodiscard]] Type type_of_value(const Json& value);

// The scope of the file's expressions, without a matrix. Refers to `spec`, which must outlive it. Which names may be
// used where is not its matter: check_references.h sees to that.
[[nodiscard]] TypeScope type_scope(const Spec& spec);

// From here on `matrix` is that of `step`.
void enter_step(TypeScope& scope, const Step& step);

}  // namespace luthier::spec
