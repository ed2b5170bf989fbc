#include "pipelines/worker_protocol/job.h"

#include <cstdlib>
#include <limits>

#include "base/file.h"
#include "pipelines/worker_protocol/channel.h"

namespace luthier::worker_protocol {
namespace {

constexpr std::uint64_t kJobBytesMax = 16u << 20;

Error bad_member(std::string_view name, std::string_view expected) {
  return {ErrorCode::kInvalidArgument, "job.json: \"" + std::string(name) + "\" must be " + std::string(expected)};
}

// An absent member keeps the default unless `required`.
Result<void> read_string(const Json& json, const char* name, bool required, std::string& value) {
  const auto found = json.find(name);
  if (found == json.end() && !required) {
    return {};
  }
  if (found == json.end() || !found->is_string()) {
    return bad_member(name, "a string");
  }
  value = found->get<std::string>();
  return {};
}

Result<void> read_int(const Json& json, const char* name, int least, int& value) {
  const auto found = json.find(name);
  if (found == json.end()) {
    return {};
  }
  const auto in_range = [&](std::int64_t n) { return n >= least && n <= std::numeric_limits<int>::max(); };
  if (!found->is_number_integer() || !in_range(found->get<std::int64_t>())) {
    return bad_member(name, "a whole number of at least " + std::to_string(least));
  }
  value = found->get<int>();
  return {};
}

Result<void> read_resume(const Json& json, Job& job) {
  const auto found = json.find("resume");
  if (found == json.end() || found->is_null()) {
    return {};
  }
  LUTHIER_TRY(std::filesystem::path path, artifact_path(*found, "resume"));
  const auto step = found->find("step");
  if (step == found->end() || !step->is_number_integer() || step->get<std::int64_t>() < 0) {
    return bad_member("resume.step", "a whole number of at least 0");
  }
  job.resume = Resume{std::move(path), step->get<std::int64_t>()};
  return {};
}

Result<void> read_gpus(const Json& json, Job& job) {
  const auto found = json.find("gpus");
  if (found == json.end()) {
    return {};
  }
  if (!found->is_array()) {
    return bad_member("gpus", "an array of whole numbers");
  }
  for (const Json& gpu : *found) {
    if (!gpu.is_number_integer() || gpu.get<std::int64_t>() < 0 || gpu.get<std::int64_t>() > 4'096) {
      return bad_member("gpus", "an array of whole numbers");
    }
    job.gpus.push_back(gpu.get<int>());
  }
  return {};
}

}  // namespace

Result<Job> parse_job(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "job.json: not a JSON object"};
  }
  int version = kProtocolVersion;
  LUTHIER_TRY_VOID(read_int(json, "version", 1, version));
  if (version != kProtocolVersion) {
    return Error{ErrorCode::kInvalidArgument,
                 "job.json: version " + std::to_string(version) + " is not known to this program (it knows " +
                     std::to_string(kProtocolVersion) + "): install matching versions of agent and worker"};
  }
  Job job;
  LUTHIER_TRY_VOID(read_string(json, "run", false, job.run));
  LUTHIER_TRY_VOID(read_string(json, "step", false, job.step));
  LUTHIER_TRY_VOID(read_int(json, "attempt", 1, job.attempt));
  LUTHIER_TRY_VOID(read_string(json, "uses", true, job.uses));
  LUTHIER_TRY_VOID(read_int(json, "threads", 1, job.threads));
  const auto with = json.find("with");
  if (with != json.end()) {
    if (!with->is_object()) {
      return bad_member("with", "an object");
    }
    job.with = *with;
  }
  LUTHIER_TRY_VOID(read_resume(json, job));
  LUTHIER_TRY_VOID(read_gpus(json, job));
  return job;
}

Result<Job> read_job(const std::filesystem::path& path) {
  LUTHIER_TRY(const std::string text, read_file(path, kJobBytesMax));
  auto job = parse_job(text);
  if (!job) {
    return std::move(job).error().with(path.string());
  }
  return job;
}

Result<Job> read_job_from_environment() {
  const char* path = std::getenv("LUTHIER_JOB");
  if (path == nullptr || *path == '\0') {
    return Error{ErrorCode::kInvalidArgument,
                 "LUTHIER_JOB is not set: it names the job.json that says what to do (docs/worker-protocol.md)"};
  }
  return read_job(path);
}

Result<std::filesystem::path> artifact_path(const Json& value, std::string_view name) {
  if (value.is_object()) {
    const auto path = value.find("$path");
    if (path != value.end() && path->is_string() && !path->get_ref<const std::string&>().empty()) {
      return std::filesystem::path(path->get<std::string>());
    }
  }
  return bad_member(name, "an artifact ({\"$path\": \"…\"})");
}

}  // namespace luthier::worker_protocol
