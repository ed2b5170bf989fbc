// Jinja templates as Hugging Face chat templates use them: a subset of Jinja 3.1 whose output equals Jinja's under the
// settings that `apply_chat_template` uses (trim_blocks, lstrip_blocks, immutable sandbox, break and continue,
// {% generation %}, raise_exception, strftime_now, and tojson with json.dumps's spelling).
//
// Known: if, for (if, else, recursive, loop.*), set, macro, call, filter, with, generation, raw; all operators, slices,
// comparison chains; namespace, range, dict, joiner; the filters and tests of Jinja; methods of text, mappings and
// lists. Not known, and refused by name: include, import, extends, block, autoescape, and the filters attr,
// filesizeformat, groupby, pprint, random, slice, striptags, urlize, wordwrap and xmlattr.
//
// A template is untrusted: what it may do is bounded by Limits. Inside this folder failures travel as exceptions; none
// crosses this header. A Template is immutable and may be shared by threads.
#pragma once

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::text::jinja {

struct Limits {
  std::size_t steps_max = 20'000'000;  // nodes evaluated, items visited, 32 bytes of text read
  std::size_t memory_bytes_max = std::size_t{512}
                                 << 20U;  // of what the rendering makes; nothing is freed before its end
  std::size_t output_bytes_max = std::size_t{64} << 20U;
  std::size_t depth_max = 400;  // of expressions, blocks and calls of macros inside each other
  // What several renderings may take together, lowered by what each took; null: each counts alone. Borrowed.
  std::size_t* steps_shared = nullptr;
};

// What one {% generation %} block wrote.
struct Generation {
  std::size_t begin = 0;  // bytes of Rendered::text
  std::size_t end = 0;
  std::optional<std::size_t> message;  // the item of variable `messages` that a `for` around the block stood at
};

struct Rendered {
  std::string text;
  std::vector<Generation> generations;  // in order
  // A generation block ran inside a macro or a block whose text was captured, so where it went is not known.
  bool generation_captured = false;
};

class Template {
 public:
  // `name` begins every message: "NAME:LINE:COLUMN: what is wrong". kInvalidArgument; kResourceExhausted for a source
  // above 1 MiB or nested too deep.
  [[nodiscard]] static Result<Template> parse(std::string_view source, std::string name);

  // `variables` is an object; its members are the template's variables, and the order of keys shows where a template
  // prints mappings. `date` is what strftime_now tells. Errors: kFailedPrecondition when the template calls
  // raise_exception; kResourceExhausted when a limit is met; kInvalidArgument for everything else.
  [[nodiscard]] Result<Rendered> render(const nlohmann::ordered_json& variables, const std::tm& date,
                                        const Limits& limits = {}) const;

  [[nodiscard]] bool has_generation() const;
  [[nodiscard]] const std::string& source() const;
  [[nodiscard]] const std::string& name() const;

 private:
  struct Parsed;
  explicit Template(std::shared_ptr<const Parsed> parsed) : parsed_(std::move(parsed)) {}
  std::shared_ptr<const Parsed> parsed_;  // immutable, so copies of a Template share it
};

}  // namespace luthier::text::jinja
