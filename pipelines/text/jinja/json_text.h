// A value as JSON, spelled as Python's json.dumps does.
#pragma once

#include <optional>
#include <string>

#include "pipelines/text/jinja/heap.h"

namespace luthier::text::jinja {

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // of one level; without it everything is on one line
  std::string item_separator = ", ";  // with an indent "," unless told
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// Throws Fault for what is not JSON: undefined, functions, iterators.
void append_json(Heap& heap, std::string& out, const Value& value, const JsonStyle& style, int depth = 0);

}  // namespace luthier::text::jinja
