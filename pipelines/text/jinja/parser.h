// Tokens to the syntax tree.
#pragma once

#include <cstdint>
#include <vector>

#include "pipelines/text/jinja/lexer.h"
#include "pipelines/text/jinja/syntax.h"

namespace luthier::text::jinja {

// Throws Fault; `offset` is where reading stands.
[[nodiscard]] Statements parse_template(const std::vector<Token>& tokens, std::uint32_t& offset);

}  // namespace luthier::text::jinja
