#include <array>
#include <limits>

#include "controller/core/fields.h"

namespace luthier::core {
namespace {

constexpr std::array<std::pair<Outcome, const char*>, 5> kOutcomes{{
    {Outcome::kSucceeded, "succeeded"},
    {Outcome::kUserFailure, "user_failure"},
    {Outcome::kInfrastructureFailure, "infrastructure_failure"},
    {Outcome::kStopped, "stopped"},
    {Outcome::kTimedOut, "timed_out"},
}};
constexpr std::array<std::pair<RunStatus, const char*>, 4> kRunStatuses{{
    {RunStatus::kRunning, "running"},
    {RunStatus::kSucceeded, "succeeded"},
    {RunStatus::kFailed, "failed"},
    {RunStatus::kCancelled, "cancelled"},
}};
constexpr std::array<std::pair<StepStatus, const char*>, 8> kStepStatuses{{
    {StepStatus::kWaiting, "waiting"},
    {StepStatus::kReady, "ready"},
    {StepStatus::kAssigned, "assigned"},
    {StepStatus::kRunning, "running"},
    {StepStatus::kSucceeded, "succeeded"},
    {StepStatus::kFailed, "failed"},
    {StepStatus::kCancelled, "cancelled"},
    {StepStatus::kSkipped, "skipped"},
}};

const auto& table_of(Outcome) { return kOutcomes; }
const auto& table_of(RunStatus) { return kRunStatuses; }

template <class Table, class Value>
std::string text_of(const Table& table, Value value) {
  for (const auto& [candidate, text] : table) {
    if (candidate == value) {
      return text;
    }
  }
  LUTHIER_CHECK(false);
}

// --- out ---

Json encode(const Json& value) { return value; }
Json encode(const plan::Plan& value) { return plan::to_json(value); }
template <class T>
  requires std::is_arithmetic_v<T> || std::same_as<T, std::string>
Json encode(const T& value) {
  return value;
}
template <class T>
  requires std::is_enum_v<T>
Json encode(const T& value) {
  return text_of(table_of(value), value);
}
template <class Tag>
Json encode(const StringId<Tag>& value) {
  return value.value;
}

struct Writer {
  Json body = Json::object();
  void operator()(const char* name, const auto& value);
};

template <class T>
  requires requires(Writer& w, const T& x) { fields::visit(w, x); }
Json encode(const T& value) {
  Writer writer;
  fields::visit(writer, value);
  return std::move(writer.body);
}
template <class T>
Json encode(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) {
    list.push_back(encode(value));
  }
  return list;
}

void Writer::operator()(const char* name, const auto& value) { body[name] = encode(value); }

// --- in: each returns what was expected, or "" when all is well ---

using Trouble = std::string;

Trouble decode(const Json& json, Json& value) {
  value = json;
  return {};
}
Trouble decode(const Json& json, plan::Plan& value) {
  Result<plan::Plan> plan = plan::plan_from_json(json);
  if (!plan) {
    return "a plan (" + plan.error().message + ")";
  }
  value = std::move(plan).value();
  return {};
}
Trouble decode(const Json& json, std::string& value) {
  if (!json.is_string()) {
    return "text";
  }
  value = json.get_ref<const std::string&>();
  return {};
}
template <class Tag>
Trouble decode(const Json& json, StringId<Tag>& value) {
  return decode(json, value.value);
}
Trouble decode(const Json& json, double& value) {
  if (!json.is_number()) {
    return "a number";
  }
  value = json.get<double>();
  return {};
}
template <std::integral T>
Trouble decode(const Json& json, T& value) {
  if (json.is_number_unsigned()) {
    const auto number = json.get<std::uint64_t>();
    if (std::in_range<T>(number)) {
      value = static_cast<T>(number);
      return {};
    }
  } else if (json.is_number_integer()) {
    const auto number = json.get<std::int64_t>();
    if (std::in_range<T>(number)) {
      value = static_cast<T>(number);
      return {};
    }
  }
  return "a whole number in range";
}
template <class T>
  requires std::is_enum_v<T>
Trouble decode(const Json& json, T& value) {
  if (json.is_string()) {
    for (const auto& [candidate, text] : table_of(value)) {
      if (json.get_ref<const std::string&>() == text) {
        value = candidate;
        return {};
      }
    }
  }
  return "one of its names";
}

struct Reader {
  const Json& body;
  std::string trouble;  // of the first member that is wrong: "`attempt.number` is not a whole number in range"
  std::string prefix;
  void operator()(const char* name, auto& value);
};

template <class T>
  requires requires(Reader& r, T& x) { fields::visit(r, x); }
Trouble decode(const Json& json, T& value) {
  if (!json.is_object()) {
    return "an object";
  }
  Reader reader{json, {}, {}};
  fields::visit(reader, value);
  return reader.trouble.empty() ? Trouble{} : "right inside: " + reader.trouble;
}
template <class T>
Trouble decode(const Json& json, std::vector<T>& values) {
  if (!json.is_array()) {
    return "a list";
  }
  values.clear();
  for (const Json& item : json) {
    if (Trouble trouble = decode(item, values.emplace_back()); !trouble.empty()) {
      return "a list of the right items: an item is not " + trouble;
    }
  }
  return {};
}

void Reader::operator()(const char* name, auto& value) {
  const auto found = body.find(name);
  if (found == body.end() || !trouble.empty()) {
    return;  // absent: written before the member existed
  }
  if (const Trouble wanted = decode(*found, value); !wanted.empty()) {
    trouble = "`" + std::string(name) + "` is not " + wanted;
  }
}

template <class E>
Result<Event> read(const std::string& name, const Json& body) {
  E event;
  if (const Trouble wanted = decode(body, event); !wanted.empty()) {
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
  return std::visit([](const auto& e) { return encode(e); }, event);
}

Result<Event> event_from_json(const std::string& name, const Json& body) { return read_by_name(name, body); }

std::string to_string(RunStatus status) { return text_of(kRunStatuses, status); }
std::string to_string(StepStatus status) { return text_of(kStepStatuses, status); }
std::string to_string(Outcome outcome) { return text_of(kOutcomes, outcome); }

}  // namespace luthier::core
