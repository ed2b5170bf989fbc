// BrokenJson: what is wrong with a record that is not JSON, for the person who pasted it: the place where it breaks,
// what it is that people do there, and the remedy. Slow on purpose: for records that failed only.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipelines/data/read/example.h"

namespace luthier::data::read {

inline constexpr std::size_t kJsonDepthMax = 128;

struct Origin {
  std::string file;
  std::int64_t line = 0;
  std::int64_t column = 1;  // of the text's first byte
};

struct BrokenJson {
  std::optional<Problem> problem;  // none: it is JSON after all, with numbers beyond 64 bits, say
  std::optional<Json> value;       // then this is its value
};

// `text`: what a strict parser refused. Codes: json_trailing_comma, json_unescaped_quote, json_single_quotes,
// json_unfinished, json_python_value, json_control_character, json_escape, json_surrogate, json_comment,
// json_missing_comma, json_extra, json_depth, not_utf8, data_type, json_invalid (none of these).
[[nodiscard]] BrokenJson diagnose(std::string_view text, const Origin& origin);

// A value that is JSON but no object: data_type.
[[nodiscard]] Problem not_an_object(std::string_view text, const Origin& origin);

}  // namespace luthier::data::read
