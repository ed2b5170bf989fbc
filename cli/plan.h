// `luthier plan` and `luthier diff`: what would run, before it does.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/pipeline_file.h"

namespace luthier::cli {

// `luthier plan FILE`: needs no controller, but only one knows what is reused and how long steps took.
[[nodiscard]] int plan_command(const GlobalOptions& options, const FileOptions& file);

struct DiffOptions {
  std::string a, b;                 // each a pipeline file, or a run
  std::vector<std::string> params;  // of files
};
// `luthier diff A B`: which steps of B would run again after A, and why.
[[nodiscard]] int diff_command(const GlobalOptions& options, const DiffOptions& diff);

}  // namespace luthier::cli
