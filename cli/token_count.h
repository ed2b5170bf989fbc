// How many tokens a training reads of a dataset, counted as the worker counts them (agents/worker/formats/dataset.h,
// train/trainer.cc): the positions that the model sees, the end of every completion and text among them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::cli {

struct DatasetTokens {
  std::int64_t examples = 0;
  std::int64_t tokens = 0;       // of one epoch
  std::uint64_t counted_of = 0;  // bytes of the file, when only its beginning was counted and the rest is estimated
  std::uint64_t counted = 0;     // ditto, how many of them were counted
  [[nodiscard]] bool estimated() const { return counted_of > 0; }
};

// Reads data.jsonl, at most `bytes_max` of it. kDataLoss names a line that is no record of prompt and completion, or of
// text.
[[nodiscard]] Result<DatasetTokens> count_dataset(const std::filesystem::path& file, const text::Tokenizer& tokenizer,
                                                  std::int64_t input_length_max, std::uint64_t bytes_max);

struct TrainingTokens {
  std::int64_t value = 0;
  std::string how;  // "15,040 an epoch, 3 epochs", or "… , 60 steps of 4 examples"
};
// Of a whole training with these inputs (`with` of a train step).
[[nodiscard]] TrainingTokens tokens_of_training(const nlohmann::json& with, const DatasetTokens& data);

// The longest sequence that a training with these inputs sees: `max_tokens`, at most the model's positions.
[[nodiscard]] std::int64_t input_length_of(const nlohmann::json& with, std::int64_t positions);

}  // namespace luthier::cli
