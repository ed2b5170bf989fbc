// Codes: everything that a check can say, declared once: reports, JSON and docs/data.md (held against this by a test)
// all take it from here. A code never changes its meaning.
#pragma once

#include <span>
#include <string_view>

#include "pipelines/data/read/problem.h"

namespace luthier::data::check {

using read::Severity;

struct Code {
  std::string_view name;
  Severity severity;
  std::string_view meaning;  // "examples without an assistant message": stands after a count
  std::string_view remedy;   // what to do, a sentence
};

[[nodiscard]] std::span<const Code> all_codes();
// Never null: asking for a code that is not declared is a broken invariant.
[[nodiscard]] const Code& code_named(std::string_view name);

}  // namespace luthier::data::check
