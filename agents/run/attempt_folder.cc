#include "agents/run/attempt_folder.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "agents/shim/whole_number.h"
#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::agents {
namespace {

constexpr const char* kAttemptFile = "attempt.json";
constexpr const char* kStopFile = "stop.json";
constexpr std::array<const char*, 8> kStopNames{"cancelled", "superseded", "timed_out", "unknown_attempt",
                                                "idle",      "preempted",  "hung",      "stalled"};

std::string safe_name(const std::string& text) {
  std::string safe = text.substr(0, 80);
  for (char& character : safe) {
    if (std::isalnum(static_cast<unsigned char>(character)) == 0 && character != '-' && character != '_') {
      character = '_';
    }
  }
  if (safe != text) {
    safe += "-" + sha256_digest(text).substr(7, 12);
  }
  return safe;
}

}  // namespace

std::string attempt_folder_name(const AttemptId& attempt) {
  return safe_name(attempt.run.value) + "." + safe_name(attempt.step.value) + "." + std::to_string(attempt.number) +
         (attempt.rank == 0 ? "" : "." + std::to_string(attempt.rank));
}

Json to_json(const Assignment& assignment) {
  return {{"run", assignment.attempt.run.value},
          {"step", assignment.attempt.step.value},
          {"attempt", assignment.attempt.number},
          {"rank", assignment.attempt.rank},
          {"world_size", assignment.world_size},
          {"rendezvous", assignment.rendezvous},
          {"uses", assignment.uses},
          {"with", assignment.with},
          {"gpus", assignment.gpus},
          {"cpus", assignment.cpus},
          {"memory_bytes", assignment.memory_bytes},
          {"timeout_ms", assignment.timeout.count()},
          {"resume_artifact", assignment.resume_artifact},
          {"resume_step", assignment.resume_step},
          {"exclusive", assignment.exclusive}};
}

Result<Assignment> assignment_from_json(const Json& json) {
  try {
    Assignment assignment;
    assignment.attempt = {RunId{json.at("run").get<std::string>()}, StepId{json.at("step").get<std::string>()},
                          shim::whole_number<std::int32_t>(json, "attempt")};
    if (json.contains("rank")) {  // an attempt that an older agent began has none
      assignment.attempt.rank = shim::whole_number<std::int32_t>(json, "rank");
      assignment.world_size = shim::whole_number<std::int32_t>(json, "world_size");
      assignment.rendezvous = json.at("rendezvous").get<std::string>();
    }
    assignment.uses = json.at("uses").get<std::string>();
    assignment.with = json.at("with");
    for (const Json& gpu : json.at("gpus")) {
      assignment.gpus.push_back(shim::whole_number<int>(Json{{"gpu", gpu}}, "gpu"));
    }
    assignment.cpus = json.at("cpus").get<double>();
    assignment.memory_bytes = shim::whole_number<std::uint64_t>(json, "memory_bytes");
    assignment.timeout = milliseconds(shim::whole_number<std::int64_t>(json, "timeout_ms"));
    assignment.resume_artifact = json.at("resume_artifact").get<std::string>();
    assignment.resume_step = shim::whole_number<std::int64_t>(json, "resume_step");
    assignment.exclusive = json.at("exclusive").get<bool>();
    return assignment;
  } catch (const Json::exception& exception) {
    return Error{ErrorCode::kDataLoss, std::string("assignment: ") + exception.what()};
  }
}

Result<AttemptFile> create_attempt_folder(const std::filesystem::path& folder, const Assignment& assignment) {
  LUTHIER_TRY_VOID(create_folders(folder / "work" / "tmp"));
  const auto known = read_attempt_file(folder);
  AttemptFile file{assignment, known ? known->nonce : secure_random_hex(16)};
  Json json = to_json(assignment);
  json["nonce"] = file.nonce;
  LUTHIER_TRY_VOID(
      write_file_atomically(folder / kAttemptFile, json.dump(-1, ' ', false, Json::error_handler_t::replace), 0600));
  LUTHIER_TRY_VOID(sync_folder(folder.parent_path()));
  return file;
}

Result<AttemptFile> read_attempt_file(const std::filesystem::path& folder) {
  LUTHIER_TRY(const std::string text, read_file(folder / kAttemptFile));
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.value("nonce", Json()).is_string()) {
    return Error{ErrorCode::kDataLoss, (folder / kAttemptFile).string() + " is not an attempt's file"};
  }
  auto assignment = assignment_from_json(json);
  if (!assignment) {
    return std::move(assignment).error().with((folder / kAttemptFile).string());
  }
  return AttemptFile{std::move(*assignment), json.at("nonce").get<std::string>()};
}

Result<void> write_stop_reason(const std::filesystem::path& folder, StopReason reason) {
  return write_file_atomically(folder / kStopFile,
                               Json{{"reason", kStopNames.at(static_cast<std::size_t>(reason))}}.dump(), 0600);
}

std::optional<StopReason> read_stop_reason(const std::filesystem::path& folder) {
  const auto text = read_file(folder / kStopFile, 1 << 12);
  const Json json = text ? Json::parse(*text, nullptr, false) : Json();
  const std::string name = json.is_object() ? json.value("reason", "") : "";
  const auto found = std::find(kStopNames.begin(), kStopNames.end(), name);
  if (found == kStopNames.end()) {
    return std::nullopt;
  }
  return static_cast<StopReason>(found - kStopNames.begin());
}

std::vector<std::filesystem::path> list_attempt_folders(const std::filesystem::path& attempts) {
  std::vector<std::filesystem::path> folders;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(attempts, code)) {
    if (std::filesystem::exists(entry.path() / kAttemptFile)) {
      folders.push_back(entry.path());
    } else {
      std::filesystem::remove_all(entry.path(), code);
    }
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

void remove_attempt_folder(const std::filesystem::path& folder) {
  std::error_code code;
  std::filesystem::remove(folder / kAttemptFile, code);
  std::filesystem::remove_all(folder, code);
}

}  // namespace luthier::agents
