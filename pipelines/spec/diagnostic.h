// Diagnostics: what is wrong with a pipeline file, where, and what to do. Value types; no I/O.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace luthier::spec {

// A place in a file, both 1-based; the column counts bytes. 0 means "not in the file" (a -p argument, say).
struct Position {
  int line = 0;
  int column = 0;

  friend auto operator<=>(const Position&, const Position&) = default;
};

struct Diagnostic {
  std::string file;
  Position at;
  std::string message;  // one sentence, with a did-you-mean where one is near

  friend bool operator==(const Diagnostic&, const Diagnostic&) = default;
};

// "file:line:column: message", or "file: message" when there is no place.
[[nodiscard]] std::string to_string(const Diagnostic& diagnostic);

// to_string(), the source line and a line with a caret under the column. `source` is the whole file's text. Ends
// without a newline.
[[nodiscard]] std::string render(const Diagnostic& diagnostic, std::string_view source);

// The candidate nearest to `word`, if near enough that a slip of the keyboard explains it; else "".
[[nodiscard]] std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

// "; did you mean 'needs'?", or, without a near one, "; known: a, b, c" (at most 20 names), or "".
[[nodiscard]] std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace luthier::spec
