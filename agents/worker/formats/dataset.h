// Dataset: data.jsonl of a dataset folder as token ids, ready for batches. Free of LibTorch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::worker {

using text::TokenId;

// One sequence. The model reads ids[0, n-1) and is asked for those ids[i] of ids[1, n) whose trained[i] is true.
struct Example {
  std::vector<TokenId> ids;   // at least two
  std::vector<bool> trained;  // one flag an id; the first is never read: nothing stands before it

  [[nodiscard]] std::int64_t input_length() const { return static_cast<std::int64_t>(ids.size()) - 1; }
  [[nodiscard]] std::int64_t supervised_count() const {
    return ids.size() < 2 ? 0 : std::count(trained.begin() + 1, trained.end(), true);
  }
};

// `ids` of which all from `first` on are asked for.
[[nodiscard]] Example example_trained_from(std::size_t first, std::vector<TokenId> ids);

// {"prompt": …, "completion": …}
struct Record {
  std::string prompt;
  std::string completion;
  std::int64_t line = 0;  // in data.jsonl, from 1
};

struct Dataset {
  std::vector<Example> examples;
  std::vector<Record> records;       // of the same length as `examples`; empty for {"text"} records
  std::int64_t truncated_count = 0;  // records cut to fit
};

struct DatasetOptions {
  std::int64_t input_length_max = 0;  // positions the model may see at once
  TokenId eos = 0;                    // ends every completion and every text
};

// Reads <folder>/data.jsonl. All records are of one kind:
//  prompt and completion: one Example each; the completion and its eos are supervised. A record that is too long
//    loses the beginning of its prompt (its end, and the completion, say what is asked), then the end of the
//    completion.
//  text: all texts, each followed by eos, joined and cut to sequences of input_length_max; all is supervised.
// kDataLoss names the file and line of a malformed record; kInvalidArgument when there is none at all.
[[nodiscard]] Result<Dataset> read_dataset(const std::filesystem::path& folder, const text::Tokenizer& tokenizer,
                                           const DatasetOptions& options);

// The ids a prompt starts a sequence with: the tokenizer's prefix (a BOS, often) and the text's ids.
[[nodiscard]] Result<std::vector<TokenId>> prompt_ids(text::Encoder& encoder, const text::Tokenizer& tokenizer,
                                                      const std::string& prompt);

// Joins prompt and completion (already with eos) as read_dataset() does; sets `truncated` when it had to cut.
[[nodiscard]] Example joined_example(std::vector<TokenId> prompt, std::vector<TokenId> completion,
                                     std::int64_t input_length_max, bool& truncated);

// A number that differs when the examples differ (FNV-1a over all ids and over where what is trained begins and ends):
// guards resumption, not secrets.
[[nodiscard]] std::uint64_t fingerprint(const std::vector<Example>& examples);

}  // namespace luthier::worker
