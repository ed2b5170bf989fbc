// Upper case of the characters that become several.
#pragma once

namespace luthier::text::jinja {

// Three code points, the third 0 where there are two; nullptr for a character of ordinary upper case.
[[nodiscard]] const char32_t* special_upper(char32_t character);

}  // namespace luthier::text::jinja
