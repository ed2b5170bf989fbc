// ModelExtras: luthier.json, a small file of ours beside a trained model or adapter. It keeps what the training
// data taught the model about where a prompt ends, so that serving can ask in the same words.
//
//   {"prompt_suffix": "\n\n###\n\n", "stop": ["\n"], "task": "classification", "labels": [" a", " b"]}
//
// A dataset folder may hold the same members in dataset.json.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace luthier::worker {

struct ModelExtras {
  std::string prompt_suffix;      // what a prompt ends with, in training
  std::string completion_prefix;  // what a completion begins with (a space, often)
  std::vector<std::string> stop;
  std::string task;  // "classification", "generation", "text"; may be empty
  std::vector<std::string> labels;

  [[nodiscard]] bool empty() const {
    return prompt_suffix.empty() && completion_prefix.empty() && stop.empty() && task.empty() && labels.empty();
  }
  friend bool operator==(const ModelExtras&, const ModelExtras&) = default;
};

// All members default when the file does not exist. kInvalidArgument when it is malformed.
[[nodiscard]] Result<ModelExtras> read_model_extras(const std::filesystem::path& file);
// Writes nothing when `extras` is empty.
[[nodiscard]] Result<void> write_model_extras(const std::filesystem::path& file, const ModelExtras& extras);

}  // namespace luthier::worker
