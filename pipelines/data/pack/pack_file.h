// Packs a data file: every record becomes tokens, samples share the rows of training's batches, and shards go to a
// folder (pipelines/pack/shard.h). Memory is bounded by the shuffle window. The shards depend on the file, the
// tokenizer and the options alone.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"
#include "pipelines/data/pack/sample_maker.h"
#include "pipelines/data/tokens/model_text.h"

namespace luthier::data::pack {

struct PackOptions {
  std::filesystem::path file;  // of any format that readers know
  tokens::ModelText model;     // with a tokenizer; chats need its template too
  text::ChatOptions chat;
  std::string end_token;                  // written after pairs and texts; empty: the tokenizer's eos
  std::filesystem::path out;              // a folder that is empty or not there yet
  std::uint32_t budget = 2048;            // tokens of a bin
  std::uint32_t window_samples = 50'000;  // samples that are packed and shuffled together
  std::uint64_t seed = 0;
  std::uint64_t shard_bytes = std::uint64_t{256} << 20;
};

struct PackReport {
  std::uint64_t samples = 0;
  std::uint64_t tokens = 0;
  std::uint64_t trained_tokens = 0;
  std::uint64_t bins = 0;
  std::uint64_t shards = 0;
  std::uint64_t truncated = 0;  // chats and completions that lost their end, prompts that lost their beginning
  std::uint64_t cut = 0;        // texts that were cut into several samples of one id
  std::uint64_t segments = 0;   // samples as rows hold them: a text that was cut is several
  std::uint64_t chats = 0;      // records that are conversations, without those that were dropped
  std::uint64_t mended = 0;     // chats that were changed so that the template took them
  std::string first_mended;     // "FILE:LINE: what was changed"
  struct DroppedRecords {
    std::uint64_t count = 0;
    std::int64_t first_line = 0;
  };
  std::map<Dropped, DroppedRecords> dropped;
  // The part of all bins' room that holds tokens, from 0 to 1.
  [[nodiscard]] double fill(std::uint32_t budget) const {
    return bins == 0 ? 0 : static_cast<double>(tokens) / (static_cast<double>(bins) * budget);
  }
};

// Chats teach what their template and weights say; prompt/completion pairs teach their completion, texts all of it, and
// each of these ends in the end token. A chat longer than a row keeps its beginning, a pair its answer, a text is cut.
// kInvalidArgument, kFailedPrecondition: a record that cannot be used (with its place), a tokenizer without an end
// token, a folder that is not empty, a file of which nothing is left; the folder is then left empty.
[[nodiscard]] Result<PackReport> pack_file(const PackOptions& options);

}  // namespace luthier::data::pack
