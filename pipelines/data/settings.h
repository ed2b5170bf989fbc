// Settings: what a preparation is asked to do; the `with` of a prepare step (docs/worker-protocol.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/data/images/image_checker.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data {

// kClassification: few completions, each the answer to many prompts. kGeneration: any other prompt and completion.
// kText: plain text, for pretraining. kChat: conversations, and preferences between answers.
enum class Task { kClassification, kGeneration, kText, kChat };
[[nodiscard]] inline bool is_pairs(Task task) { return task == Task::kClassification || task == Task::kGeneration; }

// What becomes of dialogues: one row each, a conversation for each answer, a prompt and completion for each answer.
enum class Turns { kKeep, kChats, kPrompts };

[[nodiscard]] std::string_view name_of(Task task);

inline constexpr std::string_view kDeclineAll = "all";

struct SplitSettings {
  double validation = 0;  // fraction of the rows kept, from 0; together with `test` below 1
  double test = 0;
  std::optional<std::size_t> validation_rows;  // instead of the fraction
  bool keep_order = false;                     // rows of each part in the order of the source, not shuffled
  std::uint64_t seed = 0;                      // the same seed and rows give the same split
  std::string group;                           // column whose equal values stay in one part; empty: none
};

struct Settings {
  std::filesystem::path source;            // a file, or a folder of files
  std::string source_name;                 // of a file, for messages and the report; empty: its own
  std::optional<read::FileFormat> format;  // of all files; without it the extension decides
  std::optional<Task> task;                // without it the data decides
  std::string prompt_column;               // empty: found by its name
  std::string completion_column;
  std::string text_column;           // task text only
  std::vector<std::string> labels;   // the classes; empty: as found
  bool clean = true;                 // also trim white space, unite spellings of labels, drop conflicting labels …
  std::vector<std::string> decline;  // codes of recommended repairs that are not made
  std::string separator;             // what every prompt shall end with; empty: by the legacy rule
  std::string ending;                // what every completion shall end with (task generation)
  Turns turns = Turns::kKeep;        // conversations only
  double fraction = 1;               // part of the training rows that is kept
  SplitSettings split;
  std::size_t tokenizer_vocab_size = 0;  // 0: no tokenizer is trained

  // Not of a step's `with`: how this process goes about it.
  std::size_t memory_bytes = std::size_t{96} << 20;  // of what is kept of every row; beyond it lies on disk
  std::filesystem::path temporary_folder;            // empty: the system's
  std::size_t threads = 0;                           // 0: one a core
  std::function<bool()> stopped;                     // true: to give up, with kCancelled; empty: never
  images::ImageOptions images;
};

// Whether the settings leave a recommended repair out.
[[nodiscard]] bool declines(const Settings& settings, std::string_view code);

// kInvalidArgument names the member that is unknown, missing or out of range. `source` must be {"$path": …}.
[[nodiscard]] Result<Settings> parse_settings(const nlohmann::json& with);

}  // namespace luthier::data
