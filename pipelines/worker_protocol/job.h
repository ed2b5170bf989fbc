// Job: what a step process is asked to do, read from the job.json of docs/worker-protocol.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace luthier::worker_protocol {

using Json = nlohmann::json;

struct Resume {
  std::filesystem::path path;  // a checkpoint folder, read-only
  std::int64_t step = 0;       // its global step
};

struct Job {
  std::string run;
  std::string step;
  int attempt = 1;
  std::string uses;
  Json with = Json::object();
  std::optional<Resume> resume;
  std::vector<int> gpus;
  int threads = 1;
};

// kInvalidArgument names the member that is missing or of the wrong type.
[[nodiscard]] Result<Job> parse_job(std::string_view text);
[[nodiscard]] Result<Job> read_job(const std::filesystem::path& path);
// Reads the file named by LUTHIER_JOB.
[[nodiscard]] Result<Job> read_job_from_environment();

// The folder of an artifact value {"$path": …}; kInvalidArgument, naming `name`, when `value` is something else.
[[nodiscard]] Result<std::filesystem::path> artifact_path(const Json& value, std::string_view name);

}  // namespace luthier::worker_protocol
