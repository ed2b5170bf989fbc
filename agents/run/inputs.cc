#include "agents/run/inputs.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "agents/run/command_step.h"
#include "base/file.h"
#include "pipelines/artifact/manifest.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

bool is_artifact(const Json& value) {
  return value.is_object() && value.contains("$artifact") && value.at("$artifact").is_string();
}

// Calls `visit` for every artifact value in `json`; stops at the first error.
template <class J>
Result<void> for_each_artifact(J& json, const std::function<Result<void>(J&)>& visit) {
  if (is_artifact(json)) {
    return visit(json);
  }
  if (json.is_structured()) {
    for (auto& item : json) {
      LUTHIER_TRY_VOID(for_each_artifact<J>(item, visit));
    }
  }
  return {};
}

Result<void> link_inputs(const fs::path& attempt_folder, const Json& with) {
  const fs::path folder = attempt_folder / "work" / "inputs";
  const Json inputs = with.value("inputs", Json::object());
  for (const auto& [name, value] : inputs.items()) {
    if (!value.is_object() || !value.contains("$path")) {
      continue;
    }
    if (!artifact::is_safe_path(name) || name.find('/') != std::string::npos) {
      return Error{ErrorCode::kInvalidArgument, "input name '" + name + "' cannot be a file name"};
    }
    LUTHIER_TRY_VOID(create_folders(folder));
    std::error_code code;
    fs::remove(folder / name, code);
    fs::create_directory_symlink(value.at("$path").get<std::string>(), folder / name, code);
    if (code) {
      return Error{ErrorCode::kFailedPrecondition, "cannot link " + (folder / name).string() + ": " + code.message()};
    }
  }
  return {};
}

}  // namespace

int thread_count(const Assignment& assignment) { return std::max(1, static_cast<int>(std::ceil(assignment.cpus))); }

std::vector<std::string> artifacts_of(const Assignment& assignment) {
  std::vector<std::string> digests;
  const auto collected = for_each_artifact<const Json>(assignment.with, [&](const Json& value) -> Result<void> {
    digests.push_back(value.at("$artifact").get<std::string>());
    return {};
  });
  collected.value();
  if (!assignment.resume_artifact.empty()) {
    digests.push_back(assignment.resume_artifact);
  }
  return digests;
}

Result<void> prepare_inputs(const fs::path& attempt_folder, const Assignment& assignment, ArtifactCache& cache,
                            const Cancel& cancel) {
  const AttemptId& id = assignment.attempt;
  Json with = assignment.with;
  LUTHIER_TRY_VOID(for_each_artifact<Json>(with, [&](Json& value) -> Result<void> {
    const std::string digest = value.at("$artifact").get<std::string>();
    LUTHIER_TRY(const ArtifactCache::Cached cached, cache.fetch(digest, id, cancel));
    value["$path"] = cached.path.string();
    value["kind"] = cached.kind;
    return {};
  }));
  if (assignment.uses == "run") {
    LUTHIER_TRY_VOID(place_files(attempt_folder / "work", with));
    LUTHIER_TRY_VOID(link_inputs(attempt_folder, with));
  }
  Json job{{"version", 1},
           {"run", id.run.value},
           {"step", id.step.value},
           {"attempt", id.number},
           {"rank", id.rank},
           {"world_size", assignment.world_size},
           {"uses", assignment.uses},
           {"with", std::move(with)},
           {"gpus", assignment.gpus},
           {"threads", thread_count(assignment)}};
  if (!assignment.resume_artifact.empty()) {
    LUTHIER_TRY(const ArtifactCache::Cached cached, cache.fetch(assignment.resume_artifact, id, cancel));
    job["resume"] = {{"$path", cached.path.string()}, {"step", assignment.resume_step}};
  }
  return replace_file(attempt_folder / "job.json", job.dump(1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace luthier::agents
