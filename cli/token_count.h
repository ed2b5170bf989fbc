// How many tokens a training reads of a dataset, counted as the worker counts them (agents/worker/formats/dataset.h,
// train/trainer.cc): the positions that the model sees, the end of every completion and text among them, conversations
// by the model's chat template.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "pipelines/data/tokens/model_text.h"

namespace luthier::cli {

struct DatasetTokens {
  std::int64_t examples = 0;  // or rows, of packed data
  std::int64_t tokens = 0;    // of one epoch
  bool packed = false;
  std::uint64_t counted_of = 0;  // bytes of the file, when only its beginning was counted and the rest is estimated
  std::uint64_t counted = 0;     // ditto, how many of them were counted
  [[nodiscard]] bool estimated() const { return counted_of > 0; }
};

struct CountLimits {
  std::int64_t input_length_max = 0;  // positions that the model sees at once
  std::uint64_t bytes_max = 0;        // of the file; the rest is estimated
  std::int64_t row_tokens = 0;        // of the rows that the data is yet to be packed in; 0: it is not
};
// Reads data.jsonl. `model` has a tokenizer. kDataLoss names a line that is no record of prompt and completion, of
// text, or of a chat that the template takes.
[[nodiscard]] Result<DatasetTokens> count_dataset(const std::filesystem::path& file,
                                                  const data::tokens::ModelText& model, const CountLimits& limits);

// Of data that is packed, by its pack.json.
[[nodiscard]] Result<DatasetTokens> count_packed(const std::filesystem::path& pack_json);

struct TrainingTokens {
  std::int64_t value = 0;
  std::string how;  // "15,040 an epoch, 3 epochs", or "… , 60 steps of 4 examples"
};
// Of a whole training with these inputs (`with` of a train step).
[[nodiscard]] TrainingTokens tokens_of_training(const nlohmann::json& with, const DatasetTokens& data);

// The longest sequence that a training with these inputs sees: `max_tokens`, at most the model's positions.
[[nodiscard]] std::int64_t input_length_of(const nlohmann::json& with, std::int64_t positions);

}  // namespace luthier::cli
