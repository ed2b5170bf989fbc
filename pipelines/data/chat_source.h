// Chat source: conversations and preferences of JSON files as a draft's records.
#pragma once

#include <vector>

#include "base/result.h"
#include "pipelines/data/draft.h"
#include "pipelines/data/source.h"

namespace luthier::data {

// Whether the first record of the first file is a conversation or a preference.
[[nodiscard]] bool holds_chats(const std::vector<SourceFile>& files);

// Reads and repairs all of them into `draft`: its records hold a conversation as JSON text each (task chat), or, where
// the settings ask for prompts, a prompt and a completion for each turn (task generation). kInvalidArgument: a file
// that cannot be read on.
[[nodiscard]] Result<void> read_chats(const std::vector<SourceFile>& files, Draft& draft);

}  // namespace luthier::data
