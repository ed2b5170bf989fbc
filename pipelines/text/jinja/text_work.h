// Work on text that filters and methods share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "pipelines/text/jinja/heap.h"

namespace luthier::text::jinja {

// str.replace; a negative count replaces all.
[[nodiscard]] Value replaced(Heap& heap, std::string_view text, std::string_view old, std::string_view fresh,
                             std::int64_t count);

// With & < > ' " as entities.
[[nodiscard]] std::string html_escaped(std::string_view text);

enum class Alignment { kLeft, kRight, kCenter };
// `text` with `fill`, one character, around it up to `width` characters.
[[nodiscard]] Value padded(Heap& heap, std::string_view text, std::int64_t width, std::string_view fill,
                           Alignment alignment);

// int(text, base) and float(text); nothing where Python raises ValueError.
[[nodiscard]] std::optional<std::int64_t> parse_python_integer(std::string_view text, std::int64_t base);
[[nodiscard]] std::optional<double> parse_python_real(std::string_view text);

// round(number, digits) of a float.
[[nodiscard]] double round_half_even(double number, int digits);

}  // namespace luthier::text::jinja
