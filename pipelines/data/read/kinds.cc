#include "pipelines/data/read/example.h"

namespace luthier::data::read {

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
    return RecordKind::kChat;
  }
  if (record.contains("completion") || record.contains("prompt")) {
    return RecordKind::kPromptCompletion;
  }
  return record.contains("text") ? RecordKind::kText : RecordKind::kUnknown;
}

}  // namespace luthier::data::read
