// Dataset: data.jsonl of a dataset folder as token ids, ready for batches. Free of LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agents/worker/formats/chat_format.h"
#include "agents/worker/formats/example.h"
#include "base/log.h"
#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::worker {

// {"prompt": …, "completion": …}, or a conversation.
struct Record {
  std::string prompt;  // of a conversation: empty
  std::string completion;
  std::int64_t line = 0;  // in data.jsonl, from 1
  text::ChatJson chat;    // of a conversation: all of it; null for others
};

struct Dataset {
  std::vector<Example> examples;
  std::vector<Record> records;       // of the same length as `examples`; empty for {"text"} records, or unless kept
  std::int64_t truncated_count = 0;  // records cut to fit
  std::int64_t dropped_count = 0;    // conversations in which nothing is trained, perhaps because it was cut off
  std::int64_t changed_count = 0;    // conversations that were changed so that the template took them
  std::string first_change;          // "line 3: …"
  std::optional<ChatFormat> format;  // of conversations
};

struct DatasetOptions {
  std::int64_t input_length_max = 0;  // positions the model may see at once
  TokenId eos = 0;                    // ends every completion and every text
  ChatFolders chat_folders;           // whose template conversations take; read when the first one is met
  bool keep_records = true;
};

// Reads <folder>/data.jsonl. All records are of one kind:
//  prompt and completion: one Example each; the completion and its eos are supervised. A record that is too long
//    loses the beginning of its prompt (its end, and the completion, say what is asked), then the end of the
//    completion.
//  text: all texts, each followed by eos, joined and cut to sequences of input_length_max; all is supervised.
//  messages: one Example each, by the model's chat template; supervised is what the assistant writes where its weight
//    is not 0. A conversation that is too long loses its end; one that trains nothing is dropped.
// kDataLoss names the file and line of a malformed record; kInvalidArgument when there is none at all.
[[nodiscard]] Result<Dataset> read_dataset(const std::filesystem::path& folder, const text::Tokenizer& tokenizer,
                                           const DatasetOptions& options);

// Says in the log what was cut, dropped or changed; `name` is that of the data.
void warn_of_losses(Log& log, const std::string& name, const Dataset& data, const DatasetOptions& options);

// The ids a prompt starts a sequence with: the tokenizer's prefix (a BOS, often) and the text's ids.
[[nodiscard]] Result<std::vector<TokenId>> prompt_ids(text::Encoder& encoder, const text::Tokenizer& tokenizer,
                                                      const std::string& prompt);

// Joins prompt and completion (already with eos) as read_dataset() does; sets `truncated` when it had to cut.
[[nodiscard]] Example joined_example(std::vector<TokenId> prompt, std::vector<TokenId> completion,
                                     std::int64_t input_length_max, bool& truncated);

}  // namespace luthier::worker
