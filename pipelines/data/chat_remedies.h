// Chat remedies: what may be repaired in one conversation without asking what was meant; the counterpart of the checks
// of chats. Pure.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/data/images/image_checker.h"

namespace luthier::data {

using ChatJson = nlohmann::ordered_json;

struct ChatRemedy {
  const char* code;     // docs/data.md, chapter Prepare
  const char* message;  // what is done, in one sentence
};

// Told of each repair of the conversation: the remedy, and what it was about.
using ReportChange = std::function<void(const ChatRemedy&, const std::string& detail)>;

// Repairs `record`, which must be an object with `messages`, in place. Gives the remedy by which it must be dropped
// where nothing can be learnt from it. `images`: looks at its images. repair_preference(): `record` has `input`,
// `preferred_output` and `non_preferred_output`.
[[nodiscard]] std::optional<ChatRemedy> repair_chat(ChatJson& record, images::ImageChecker& images,
                                                    const ReportChange& changed);
[[nodiscard]] std::optional<ChatRemedy> repair_preference(ChatJson& record, const ReportChange& changed);

// One conversation for each message of an assistant that is trained: all that was said before, with weight 0, and it.
[[nodiscard]] std::vector<ChatJson> expand_turns(const ChatJson& record);

struct PromptTurn {
  std::string prompt;  // "SYSTEM\n\nUser: …\nAssistant: …\nUser: …\nAssistant:"
  std::string completion;
};
// The same as prompts with completions. Empty, with `problem` set, for a conversation that plain text cannot hold.
[[nodiscard]] std::vector<PromptTurn> expand_to_prompts(const ChatJson& record, std::string& problem);

// What the last message says: the label, where conversations are classified.
[[nodiscard]] std::string last_answer(const ChatJson& record);

}  // namespace luthier::data
