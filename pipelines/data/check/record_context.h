// RecordContext: where a record stands and where what is wrong with it goes. Shared by the checks of each kind.
#pragma once

#include <simdjson.h>

#include <optional>
#include <string>
#include <string_view>

#include "pipelines/data/check/findings.h"

namespace luthier::data::check {

using Element = simdjson::dom::element;

struct RecordContext {
  const std::string& file;
  std::int64_t line;
  Findings& findings;

  template <class MakeMessage>
  void complain(std::string_view code, const MakeMessage& make_message) const {
    findings.add(code, [&] { return Place{file, line, 0, make_message()}; });
  }
};

[[nodiscard]] inline std::optional<std::string_view> text_of(Element element) {
  std::string_view text;
  return element.get(text) == simdjson::SUCCESS ? std::optional(text) : std::nullopt;
}

// The last member of that name; nullopt when there is none.
[[nodiscard]] inline std::optional<Element> member(simdjson::dom::object object, std::string_view name) {
  std::optional<Element> found;
  for (const auto& [key, value] : object) {
    if (key == name) {
      found = value;
    }
  }
  return found;
}

// "x", cut short and without control characters, for messages.
[[nodiscard]] std::string quote(std::string_view text);

}  // namespace luthier::data::check
