#include "cli/pipeline_file.h"

#include <cstdio>

#include "base/file.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

plan::Json json_of(const spec::Diagnostic& diagnostic, const std::string& yaml) {
  return {{"file", diagnostic.file},
          {"line", diagnostic.at.line},
          {"column", diagnostic.at.column},
          {"message", diagnostic.message},
          {"rendered", spec::render(diagnostic, yaml)}};
}

}  // namespace

// Prints the errors in the form asked for.
int refuse(const GlobalOptions& options, const PipelineFile& file, const std::vector<spec::Diagnostic>& errors) {
  if (options.json) {
    const plan::Json answer = {{"ok", false}, {"errors", to_json(errors, file.yaml)}};
    std::printf("%s\n", answer.dump(2, ' ', false, plan::Json::error_handler_t::replace).c_str());
  } else {
    std::fprintf(stderr, "%s\n%s: %zu %s\n", render_all(errors, file.yaml).c_str(), file.path.c_str(), errors.size(),
                 errors.size() == 1 ? "error" : "errors");
  }
  return kExitUsage;
}

Result<PipelineFile> read_pipeline(const std::string& path, const std::vector<std::string>& params) {
  PipelineFile file;
  file.path = path;
  Result<std::string> text = read_file(path, spec::kFileBytesMax);
  if (!text) {
    return Error{ErrorCode::kInvalidArgument, "cannot read the pipeline: " + text.error().message};
  }
  file.yaml = std::move(*text);
  for (const std::string& param : params) {
    const std::size_t equals = param.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalidArgument, "-p '" + param + "' must be NAME=VALUE"};
    }
    file.params[param.substr(0, equals)] = param.substr(equals + 1);
  }
  file.parsed = spec::parse_spec(file.yaml, path);
  return file;
}

std::string render_all(const std::vector<spec::Diagnostic>& diagnostics, const std::string& yaml) {
  std::string text;
  for (const spec::Diagnostic& diagnostic : diagnostics) {
    text += (text.empty() ? "" : "\n") + spec::render(diagnostic, yaml);
  }
  return text;
}

plan::Json to_json(const std::vector<spec::Diagnostic>& diagnostics, const std::string& yaml) {
  plan::Json list = plan::Json::array();
  for (const spec::Diagnostic& diagnostic : diagnostics) {
    list.push_back(json_of(diagnostic, yaml));
  }
  return list;
}

int check_command(const GlobalOptions& options, const FileOptions& given) {
  const Result<PipelineFile> file = read_pipeline(given.file, given.params);
  if (!file) {
    return report(file.error());
  }
  if (!file->parsed.spec) {
    return refuse(options, *file, file->parsed.errors);
  }
  const plan::MadePlan made = plan::make_plan(*file->parsed.spec, file->params, {}, plan::PlanMode::kOffline);
  if (!made.plan) {
    return refuse(options, *file, made.errors);
  }
  if (options.json) {
    const plan::Json answer = {{"ok", true},
                               {"errors", plan::Json::array()},
                               {"notes", to_json(file->parsed.notes, file->yaml)},
                               {"steps", made.plan->steps.size()}};
    std::printf("%s\n", answer.dump(2, ' ', false, plan::Json::error_handler_t::replace).c_str());
    return kExitSuccess;
  }
  for (const spec::Diagnostic& note : file->parsed.notes) {
    std::printf("note: %s\n", spec::to_string(note).c_str());
  }
  std::printf("%s: no errors; %zu step%s\n", given.file.c_str(), made.plan->steps.size(),
              made.plan->steps.size() == 1 ? "" : "s");
  return kExitSuccess;
}

}  // namespace luthier::cli
