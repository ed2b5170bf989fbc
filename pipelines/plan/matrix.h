// Members of a step's matrix and their ids. Pure.
#pragma once

#include "pipelines/plan/make_plan.h"

namespace luthier::plan {

// The combinations of the matrix's values, the last key changing fastest, less the excluded ones; one empty object
// when the step has no matrix. An entry of `exclude` removes each combination that has all its values.
// Then an entry of `include` that gives every matrix key, in a combination that is not there, is a further member; any
// other gives its further keys to each member that has its values of matrix keys. Further keys that a member was not
// given are null. What would add nothing, match nothing or give a key twice is an error.
[[nodiscard]] std::vector<Json> expand_matrix(const spec::Spec& spec, const spec::Step& step, const Json& params,
                                              std::vector<spec::Diagnostic>& errors);

// "train", or "train[lr=0.1,seed=2]" with the keys in the file's order. Characters of text values other than
// letters, digits and . _ + - are written as -, and at most 40 of them, so that an id is safe in paths and messages.
[[nodiscard]] std::string member_id(const spec::Step& step, const Json& member);

}  // namespace luthier::plan
