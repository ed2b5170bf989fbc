// CheckFile: all checks of one data file, and of its validation file beside it. Works offline, in parallel over
// batches; the report is the same whatever the number of threads. The library behind `luthier data check`.
//
// Memory: each thread has a batch and what it makes of it; what is kept of every example (24 bytes against duplicates,
// about 300 against near ones) goes to a temporary file beyond `memory_bytes`.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "pipelines/data/check/report.h"
#include "pipelines/data/images/image_checker.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/data/tokens/count_rule.h"
#include "pipelines/data/tokens/model_text.h"

namespace luthier::data::check {

struct CheckOptions {
  std::filesystem::path file;
  std::optional<std::filesystem::path> validation;
  std::string name;                        // of the file, for places; empty: its path
  std::string validation_name;             // of the validation file
  read::ReadOptions read;                  // of both files
  std::size_t memory_bytes = 96U << 20;    // of what is kept of every example
  std::filesystem::path temporary_folder;  // empty: the system's
  std::size_t threads = 0;                 // 0: one a core
  std::size_t places_max = kPlacesMax;
  bool near_duplicates = true;
  std::shared_ptr<const tokens::ModelText> model;  // with a tokenizer; or nullptr: tokens are not counted
  tokens::CountRule rule = tokens::CountRule::kNotebook;
  text::ChatOptions chat;    // of the model's template
  std::int64_t context = 0;  // tokens; 0: not known
  images::ImageOptions images;
  std::stop_token stop;  // ends the check between two batches
};

// kNotFound, kInvalidArgument: the file cannot be opened or read on (its place is in the message), so that nothing can
// be said of it; what is wrong with its records is in the report. kCancelled: `stop`.
[[nodiscard]] Result<Report> check_file(const CheckOptions& options);

}  // namespace luthier::data::check
