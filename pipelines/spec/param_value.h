// One param's value against its declaration. Pure.
#pragma once

#include "base/result.h"
#include "pipelines/spec/spec.h"

namespace luthier::spec {

// The value with its declared type. Text is read as that type ("3" for an int, as from a command line) when
// `from_text`; in the file itself a quoted number stays text, and is refused.
[[nodiscard]] Result<Json> check_param_value(const Param& param, const Json& value, bool from_text);

// Well-formed UTF-8 (RFC 3629): JSON can carry nothing else. Gives the offset of the first bad byte, or npos.
[[nodiscard]] std::size_t find_bad_utf8(std::string_view text);

}  // namespace luthier::spec
