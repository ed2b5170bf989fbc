// Private to controller/core: JSON out and in for everything that fields.h lists. Used by the journal (event_json.cc)
// and by snapshots (state_json.cc).
#pragma once

#include <array>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "controller/core/fields.h"

namespace luthier::core::json_fields {

inline constexpr std::array<std::pair<Outcome, const char*>, 6> kOutcomes{{
    {Outcome::kSucceeded, "succeeded"},
    {Outcome::kUserFailure, "user_failure"},
    {Outcome::kInfrastructureFailure, "infrastructure_failure"},
    {Outcome::kStopped, "stopped"},
    {Outcome::kTimedOut, "timed_out"},
    {Outcome::kPreempted, "preempted"},
}};
inline constexpr std::array<std::pair<RunStatus, const char*>, 4> kRunStatuses{{
    {RunStatus::kRunning, "running"},
    {RunStatus::kSucceeded, "succeeded"},
    {RunStatus::kFailed, "failed"},
    {RunStatus::kCancelled, "cancelled"},
}};
inline constexpr std::array<std::pair<StepStatus, const char*>, 8> kStepStatuses{{
    {StepStatus::kWaiting, "waiting"},
    {StepStatus::kReady, "ready"},
    {StepStatus::kAssigned, "assigned"},
    {StepStatus::kRunning, "running"},
    {StepStatus::kSucceeded, "succeeded"},
    {StepStatus::kFailed, "failed"},
    {StepStatus::kCancelled, "cancelled"},
    {StepStatus::kSkipped, "skipped"},
}};
inline constexpr std::array<std::pair<AgentStatus, const char*>, 3> kAgentStatuses{{
    {AgentStatus::kConnected, "connected"},
    {AgentStatus::kUnconfirmed, "unconfirmed"},
    {AgentStatus::kLost, "lost"},
}};

constexpr const auto& table_of(Outcome) { return kOutcomes; }
constexpr const auto& table_of(RunStatus) { return kRunStatuses; }
constexpr const auto& table_of(StepStatus) { return kStepStatuses; }
constexpr const auto& table_of(AgentStatus) { return kAgentStatuses; }

template <class Value>
std::string text_of(Value value) {
  for (const auto& [candidate, text] : table_of(value)) {
    if (candidate == value) {
      return text;
    }
  }
  LUTHIER_CHECK(false);
}

// --- out: all declared before the first is defined, because they call one another ---

struct Writer {
  Json body = Json::object();
  void operator()(const char* name, const auto& value);
};

template <class T>
concept HasFields = requires(Writer& w, const T& x) { fields::visit(w, x); };

inline Json encode(const Json& value) { return value; }
inline Json encode(const plan::Plan& value) { return plan::to_json(value); }
template <class T>
  requires std::is_arithmetic_v<T> || std::same_as<T, std::string>
Json encode(const T& value) {
  return value;
}
template <class T>
  requires std::is_enum_v<T>
Json encode(const T& value) {
  return text_of(value);
}
template <class Tag>
Json encode(const StringId<Tag>& value) {
  return value.value;
}
template <HasFields T>
Json encode(const T& value);
template <class T>
Json encode(const std::vector<T>& values);
template <class K, class V>
Json encode(const std::map<K, V>& values);

template <HasFields T>
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
// As pairs, because a key need not be text.
template <class K, class V>
Json encode(const std::map<K, V>& values) {
  Json list = Json::array();
  for (const auto& [key, value] : values) {
    Json pair = Json::array();
    pair.push_back(encode(key));
    pair.push_back(encode(value));
    list.push_back(std::move(pair));
  }
  return list;
}

void Writer::operator()(const char* name, const auto& value) { body[name] = encode(value); }

// --- in: each returns what was expected, or "" when all is well ---

using Trouble = std::string;

struct Reader {
  const Json& body;
  std::string trouble;  // of the first member that is wrong: "`attempt.number` is not a whole number in range"
  void operator()(const char* name, auto& value);
};

inline Trouble decode(const Json& json, Json& value) {
  value = json;
  return {};
}
inline Trouble decode(const Json& json, plan::Plan& value) {
  Result<plan::Plan> plan = plan::plan_from_json(json);
  if (!plan) {
    return "a plan (" + plan.error().message + ")";
  }
  value = std::move(plan).value();
  return {};
}
inline Trouble decode(const Json& json, std::string& value) {
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
inline Trouble decode(const Json& json, double& value) {
  if (!json.is_number()) {
    return "a number";
  }
  value = json.get<double>();
  return {};
}
inline Trouble decode(const Json& json, bool& value) {
  if (!json.is_boolean()) {
    return "true or false";
  }
  value = json.get<bool>();
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
template <HasFields T>
Trouble decode(const Json& json, T& value);
template <class T>
Trouble decode(const Json& json, std::vector<T>& values);
template <class K, class V>
Trouble decode(const Json& json, std::map<K, V>& values);

template <HasFields T>
Trouble decode(const Json& json, T& value) {
  if (!json.is_object()) {
    return "an object";
  }
  Reader reader{json, {}};
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
template <class K, class V>
Trouble decode(const Json& json, std::map<K, V>& values) {
  if (!json.is_array()) {
    return "a list of pairs";
  }
  values.clear();
  for (const Json& pair : json) {
    if (!pair.is_array() || pair.size() != 2) {
      return "a list of pairs";
    }
    K key{};
    if (Trouble trouble = decode(pair[0], key); !trouble.empty()) {
      return "a list of pairs: a key is not " + trouble;
    }
    if (Trouble trouble = decode(pair[1], values[key]); !trouble.empty()) {
      return "a list of pairs: a value is not " + trouble;
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

}  // namespace luthier::core::json_fields
