// JSON from outside. What copies and prints JSON works by recursion, so what is nested too deeply is refused first.
#pragma once

#include <string_view>

#include "pipelines/text/chat/chat_template.h"

namespace luthier::text {

constexpr int kJsonDepthMax = 100;

// Discarded when `text` is not JSON, or nested more deeply than kJsonDepthMax. Members keep their order.
[[nodiscard]] ChatJson parse_bounded_json(std::string_view text);

}  // namespace luthier::text
