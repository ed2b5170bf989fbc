// PipelineFile: a YAML file with its params, read and checked on this machine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"

namespace luthier::cli {

struct PipelineFile {
  std::filesystem::path path;
  std::string yaml;
  spec::ParsedSpec parsed;
  plan::ParamValues params;
};

// `params` as given to -p: "name=value". kInvalidArgument for one without '='; kNotFound when the file cannot be read.
[[nodiscard]] Result<PipelineFile> read_pipeline(const std::string& path, const std::vector<std::string>& params);

// Every diagnostic with its line and caret, one after the other; as JSON: [{file, line, column, message, rendered}].
[[nodiscard]] std::string render_all(const std::vector<spec::Diagnostic>& diagnostics, const std::string& yaml);
[[nodiscard]] plan::Json to_json(const std::vector<spec::Diagnostic>& diagnostics, const std::string& yaml);

struct FileOptions {
  std::string file;
  std::vector<std::string> params;
  bool cache = true;  // of `run`: false runs every step anew
};
// `luthier check FILE`: kExitSuccess, or kExitUsage after all errors were printed. No controller is needed.
[[nodiscard]] int check_command(const GlobalOptions& options, const FileOptions& file);
// Prints the errors in the form asked for; kExitUsage.
[[nodiscard]] int refuse(const GlobalOptions& options, const PipelineFile& file,
                         const std::vector<spec::Diagnostic>& errors);

}  // namespace luthier::cli
