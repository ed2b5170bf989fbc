#include "agents/shim/records.h"

#include "agents/shim/whole_number.h"
#include "base/file.h"

namespace luthier::shim {
namespace {

constexpr std::uint64_t kRecordBytesMax = std::uint64_t{16} << 20;

Json identity_to_json(const ProcessIdentity& value) {
  return {{"pid", value.pid}, {"start_ticks", value.start_ticks}, {"boot_id", value.boot_id}};
}

ProcessIdentity identity_from_json(const Json& json) {
  return {whole_number<pid_t>(json, "pid"), whole_number<std::uint64_t>(json, "start_ticks"),
          json.at("boot_id").get<std::string>()};
}

// Reads a record with `convert`, which may throw what nlohmann throws.
template <class T, class Convert>
Result<T> read_record(const std::filesystem::path& path, Convert convert) {
  LUTHIER_TRY(const std::string text, read_file(path, kRecordBytesMax));
  try {
    return convert(Json::parse(text));
  } catch (const Json::exception& exception) {
    return Error{ErrorCode::kDataLoss, path.string() + ": " + exception.what()};
  }
}

Launch launch_from_json(const Json& json) {
  Launch launch;
  launch.argv = json.at("argv").get<std::vector<std::string>>();
  launch.environment = json.at("environment").get<std::vector<std::string>>();
  launch.workdir = json.at("workdir").get<std::string>();
  launch.runtime_folder = json.at("runtime_folder").get<std::string>();
  launch.nonce = json.at("nonce").get<std::string>();
  launch.grace_ms = whole_number<std::int64_t>(json, "grace_ms");
  launch.orphan_timeout_ms = whole_number<std::int64_t>(json, "orphan_timeout_ms");
  launch.cgroup = json.value("cgroup", "");
  launch.cpus_max = json.value("cpus", 0.0);
  if (const Json lease = json.value("lease", Json::object()); !lease.empty()) {
    launch.lease_stop_at_ms = whole_number<std::int64_t>(lease, "stop_at_ms");
    launch.lease_kill_at_ms = whole_number<std::int64_t>(lease, "kill_at_ms");
  }
  if (const Json user = json.value("user", Json()); user.is_object()) {
    launch.user = ChildUser{whole_number<uid_t>(user, "uid"), whole_number<gid_t>(user, "gid"), {}};
    for (const Json& group : user.at("groups")) {
      launch.user->groups.push_back(whole_number<gid_t>(Json{{"group", group}}, "group"));
    }
  }
  const Json limits = json.value("limits", Json::object());
  launch.core_bytes_max.reset();
  if (limits.contains("core_bytes")) {
    launch.core_bytes_max = whole_number<std::uint64_t>(limits, "core_bytes");
  }
  if (limits.contains("address_space_bytes")) {
    launch.address_space_bytes_max = whole_number<std::uint64_t>(limits, "address_space_bytes");
  }
  if (limits.contains("data_bytes")) {
    launch.data_bytes_max = whole_number<std::uint64_t>(limits, "data_bytes");
  }
  if (limits.contains("memory_bytes")) {
    launch.memory_bytes_max = whole_number<std::uint64_t>(limits, "memory_bytes");
  }
  return launch;
}

}  // namespace

Json to_json(const Launch& value) {
  Json limits = Json::object();
  if (value.core_bytes_max) {
    limits["core_bytes"] = *value.core_bytes_max;
  }
  if (value.address_space_bytes_max) {
    limits["address_space_bytes"] = *value.address_space_bytes_max;
  }
  if (value.data_bytes_max) {
    limits["data_bytes"] = *value.data_bytes_max;
  }
  if (value.memory_bytes_max) {
    limits["memory_bytes"] = *value.memory_bytes_max;
  }
  Json user;
  if (value.user) {
    user = {{"uid", value.user->uid}, {"gid", value.user->gid}, {"groups", value.user->groups}};
  }
  return {{"argv", value.argv},
          {"user", std::move(user)},
          {"environment", value.environment},
          {"workdir", value.workdir.string()},
          {"runtime_folder", value.runtime_folder.string()},
          {"nonce", value.nonce},
          {"grace_ms", value.grace_ms},
          {"orphan_timeout_ms", value.orphan_timeout_ms},
          {"cgroup", value.cgroup.string()},
          {"cpus", value.cpus_max},
          {"lease", {{"stop_at_ms", value.lease_stop_at_ms}, {"kill_at_ms", value.lease_kill_at_ms}}},
          {"limits", std::move(limits)}};
}

Json to_json(const ShimFile& value) {
  Json json = identity_to_json(value.shim);
  json["nonce"] = value.nonce;
  return json;
}

Json to_json(const StartedFile& value) {
  Json json = identity_to_json(value.process);
  json["started_wall_ms"] = value.started_wall_ms;
  return json;
}

Json to_json(const ExitFile& value) {
  return {{"exit_code", value.exit_code},
          {"signal", value.signal},
          {"stopped_by", value.stopped_by},
          {"error", value.error},
          {"ended_wall_ms", value.ended_wall_ms},
          {"out_of_memory", value.out_of_memory},
          {"cpu_ms", value.cpu_ms},
          {"peak_memory_bytes", value.peak_memory_bytes}};
}

Json to_json(const Status& value) {
  return {{"type", "status"},
          {"pid", value.pid},
          {"state", value.state},
          {"log_bytes", value.log_bytes},
          {"messages_bytes", value.messages_bytes},
          {"silent_ms", value.silent_ms},
          {"stalled_ms", value.stalled_ms},
          {"progress", value.progress}};
}

Result<Launch> read_launch(const std::filesystem::path& attempt_folder) {
  LUTHIER_TRY(Launch launch, read_record<Launch>(attempt_folder / kLaunchFile, launch_from_json));
  if (launch.argv.empty() || launch.runtime_folder.empty() || launch.nonce.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 (attempt_folder / kLaunchFile).string() + ": argv, runtime_folder and nonce must not be empty"};
  }
  return launch;
}

Result<ShimFile> read_shim_file(const std::filesystem::path& attempt_folder) {
  return read_record<ShimFile>(attempt_folder / kShimFile, [](const Json& json) {
    return ShimFile{identity_from_json(json), json.at("nonce").get<std::string>()};
  });
}

Result<StartedFile> read_started_file(const std::filesystem::path& attempt_folder) {
  return read_record<StartedFile>(attempt_folder / kStartedFile, [](const Json& json) {
    return StartedFile{identity_from_json(json), whole_number<std::int64_t>(json, "started_wall_ms")};
  });
}

Result<ExitFile> read_exit_file(const std::filesystem::path& attempt_folder) {
  return read_record<ExitFile>(attempt_folder / kExitFile, [](const Json& json) {
    ExitFile file{whole_number<int>(json, "exit_code"), whole_number<int>(json, "signal"),
                  json.at("stopped_by").get<std::string>(), json.at("error").get<std::string>(),
                  whole_number<std::int64_t>(json, "ended_wall_ms")};
    if (json.contains("cpu_ms")) {  // shims of older releases do not say
      file.out_of_memory = json.at("out_of_memory").get<bool>();
      file.cpu_ms = whole_number<std::int64_t>(json, "cpu_ms");
      file.peak_memory_bytes = whole_number<std::uint64_t>(json, "peak_memory_bytes");
    }
    return file;
  });
}

Result<Status> status_from_json(const Json& json) {
  try {
    return Status{whole_number<pid_t>(json, "pid"),
                  json.at("state").get<std::string>(),
                  whole_number<std::uint64_t>(json, "log_bytes"),
                  whole_number<std::uint64_t>(json, "messages_bytes"),
                  whole_number<std::int64_t>(json, "silent_ms"),
                  json.contains("stalled_ms") ? whole_number<std::int64_t>(json, "stalled_ms") : 0,
                  json.value("progress", Json())};
  } catch (const Json::exception& exception) {
    return Error{ErrorCode::kDataLoss, std::string("status of a shim: ") + exception.what()};
  }
}

}  // namespace luthier::shim
