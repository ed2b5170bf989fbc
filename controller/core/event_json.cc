#include "controller/core/json_fields.h"

namespace luthier::core {
namespace {

template <class E>
Result<Event> read(const std::string& name, const Json& body) {
  E event;
  if (const std::string wanted = json_fields::decode(body, event); !wanted.empty()) {
    return Error{ErrorCode::kDataLoss, "event '" + name + "' of the journal is not " + wanted};
  }
  return Event{std::move(event)};
}

template <std::size_t index = 0>
Result<Event> read_by_name(const std::string& name, const Json& body) {
  if constexpr (index == std::variant_size_v<Event>) {
    return Error{ErrorCode::kDataLoss, "the journal holds an event '" + name +
                                           "' that this version does not know; it was written by a "
                                           "newer version: start that one, or restore a backup"};
  } else {
    using E = std::variant_alternative_t<index, Event>;
    if (name == fields::Name<E>::value) {
      return read<E>(name, body);
    }
    return read_by_name<index + 1>(name, body);
  }
}

}  // namespace

std::string event_name(const Event& event) {
  return std::visit([](const auto& e) { return std::string(fields::Name<std::decay_t<decltype(e)>>::value); }, event);
}

Json event_to_json(const Event& event) {
  return std::visit([](const auto& e) { return json_fields::encode(e); }, event);
}

Result<Event> event_from_json(const std::string& name, const Json& body) { return read_by_name(name, body); }

std::string to_string(RunStatus status) { return json_fields::text_of(status); }
std::string to_string(StepStatus status) { return json_fields::text_of(status); }
std::string to_string(Outcome outcome) { return json_fields::text_of(outcome); }

}  // namespace luthier::core
