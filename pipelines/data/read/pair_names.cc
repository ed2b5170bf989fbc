#include "pipelines/data/read/pair_names.h"

#include <algorithm>
#include <array>
#include <vector>

namespace luthier::data::read {
namespace {

constexpr std::array<std::string_view, 18> kPromptNames = {
    "prompt",  "text",  "sentence", "input", "headline", "question", "instruction", "content",  "review",
    "message", "tweet", "comment",  "body",  "title",    "query",    "utterance",   "document", "source"};
constexpr std::array<std::string_view, 15> kCompletionNames = {
    "completion", "label", "class", "category", "output", "answer",   "response", "target",
    "sentiment",  "topic", "tag",   "reply",    "intent", "expected", "summary"};

bool is_named(std::string_view name, std::string_view wanted) {
  return name.size() == wanted.size() && std::equal(name.begin(), name.end(), wanted.begin(), [](char a, char b) {
           return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b;
         });
}

// Empty: none of them.
std::string_view first_named(std::span<const std::string_view> members, std::span<const std::string_view> names) {
  for (const std::string_view wanted : names) {
    const auto found =
        std::find_if(members.begin(), members.end(), [&](std::string_view member) { return is_named(member, wanted); });
    if (found != members.end()) {
      return *found;
    }
  }
  return {};
}

}  // namespace

std::span<const std::string_view> prompt_names() { return kPromptNames; }
std::span<const std::string_view> completion_names() { return kCompletionNames; }

std::optional<PairNames> pick_pair_names(std::span<const std::string_view> members) {
  for (const std::string_view member : members) {
    if (member == "prompt" || member == "completion") {
      return PairNames{"prompt", "completion"};
    }
  }
  const PairNames names{first_named(members, kPromptNames), first_named(members, kCompletionNames)};
  return names.prompt.empty() || names.completion.empty() ? std::nullopt : std::optional(names);
}

std::optional<PairNames> find_pair_names(const Json& record) {
  if (!record.is_object()) {
    return std::nullopt;
  }
  std::vector<std::string_view> members;
  for (const auto& [name, value] : record.items()) {
    members.push_back(name);
  }
  return pick_pair_names(members);
}

}  // namespace luthier::data::read
