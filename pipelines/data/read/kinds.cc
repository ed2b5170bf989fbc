#include <algorithm>

#include "pipelines/data/read/example.h"
#include "pipelines/data/read/pair_names.h"

namespace luthier::data::read {

namespace {

bool has_own_members(const Json& record) {
  for (const auto& [name, value] : record.items()) {
    if (name != "messages" && name != "tools" && name != "functions" && name != "parallel_tool_calls" &&
        name != "function_call") {
      return true;
    }
  }
  return false;
}

bool has_assistant(const Json& messages) {
  return messages.is_array() && std::any_of(messages.begin(), messages.end(), [](const Json& message) {
           const auto role = message.is_object() ? message.find("role") : message.end();
           return role != message.end() && *role == "assistant";
         });
}

}  // namespace

std::string_view name_of(RecordKind kind) {
  switch (kind) {
    case RecordKind::kUnknown: return "unknown";
    case RecordKind::kChat: return "chat";
    case RecordKind::kPromptCompletion: return "prompt/completion";
    case RecordKind::kPreference: return "preference";
    case RecordKind::kGraderData: return "grader data";
    case RecordKind::kText: return "text";
  }
  return "";
}

RecordKind kind_of(const Json& record) {
  if (!record.is_object()) {
    return RecordKind::kUnknown;
  }
  if (record.contains("preferred_output") || record.contains("non_preferred_output") ||
      record.contains("preferred_completion") || record.contains("non_preferred_completion")) {
    return RecordKind::kPreference;
  }
  if (record.contains("messages")) {
    return has_own_members(record) && !has_assistant(record["messages"]) ? RecordKind::kGraderData : RecordKind::kChat;
  }
  if (find_pair_names(record)) {
    return RecordKind::kPromptCompletion;
  }
  return record.size() == 1 && record.contains("text") ? RecordKind::kText : RecordKind::kUnknown;
}

}  // namespace luthier::data::read
