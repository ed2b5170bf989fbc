// Values against their declared Shape: YAML to JSON with places, and the checks that need no other part of the file.
// Used on the file as written, and by make_plan again after params are substituted.
#pragma once

#include <string>
#include <vector>

#include "pipelines/spec/declaration.h"
#include "pipelines/spec/spec.h"
#include "pipelines/spec/yaml_tree.h"

namespace luthier::spec {

// Never fails: what does not fit `shape` is converted as YAML's core schema says. `shape` decides whether a plain 3
// is text or a number.
[[nodiscard]] LocatedJson locate(const YamlNode& node, const Shape& shape);

// Appends one error per violation. `places` is indexed by pointers that start at `pointer`. Strings that hold ${{ }}
// are not looked at where the shape allows expressions. Numbers and booleans that an expression gave to a text key
// become text.
void check_value(Json& value, const Shape& shape, const LocatedJson& places, const std::string& pointer,
                 const std::string& file, std::vector<Diagnostic>& errors);

// A plain scalar as YAML's core schema reads it: booleans, decimal numbers, else text.
[[nodiscard]] Json plain_scalar(const std::string& text);

// The inputs of a step with every expression replaced by its value, against `shape`, its type's inputs: what is wrong
// with the first that does not fit ("`with.keep`: expected an integer, got a list"), or nothing. Required and unknown
// keys were looked at when the plan was made. A key whose value is null counts as not given where the declaration
// takes no null. Numbers and booleans for a text key become text.
[[nodiscard]] std::string check_resolved(Json& inputs, const Shape& shape);

// `parent` extended by one key or index of a JSON pointer.
[[nodiscard]] std::string pointer_to(const std::string& parent, const std::string& key);

// The part of `whole` at `pointer`, with the places that belong to it.
[[nodiscard]] LocatedJson part_of(const LocatedJson& whole, const std::string& pointer);

// The keys of the object at `pointer`, in the file's order.
[[nodiscard]] std::vector<std::string> keys_in_order(const LocatedJson& whole, const std::string& pointer);

[[nodiscard]] bool is_name(std::string_view text);

// "3" for 3.0, "0.5" for 0.5.
[[nodiscard]] std::string number_text(double number);

// "the text 'abc'", "the number 3", "a list", "nothing": what a message says it got.
[[nodiscard]] std::string describe(const Json& value);

// A `with` object's missing keys that have defaults, filled in at every depth that is present.
void fill_defaults(Json& value, const Shape& shape);

}  // namespace luthier::spec
