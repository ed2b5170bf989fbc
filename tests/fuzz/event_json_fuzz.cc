// A journal record: the first line is the event's name, the rest its body. What parses is written back the same.
#include "controller/core/event.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  const std::size_t line_end = std::min(bytes.find('\n'), bytes.size());
  const std::string name(bytes.substr(0, line_end));
  const nlohmann::json body = nlohmann::json::parse(bytes.substr(line_end), nullptr, false);
  const auto event = core::event_from_json(name, body);
  if (!event) {
    LUTHIER_CHECK(!event.error().message.empty());
    return;
  }
  LUTHIER_CHECK(core::event_name(*event) == name);
  const nlohmann::json written = core::event_to_json(*event);
  const auto again = core::event_from_json(name, written);
  LUTHIER_CHECK(again.has_value());
  LUTHIER_CHECK(core::event_to_json(*again) == written);
}
