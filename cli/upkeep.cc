#include "cli/upkeep.h"

#include <sys/wait.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <vector>

#include "base/child_process.h"
#include "cli/api_client.h"
#include "cli/connection.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

std::string dump(const Json& json, int indent) { return json.dump(indent, ' ', false, Json::error_handler_t::replace); }

std::string counts(const Json& part) {
  return text_of(part, "artifacts") + " artifacts and " + text_of(part, "blobs") + " blobs, " +
         format_bytes(part.value("bytes", std::uint64_t{0}));
}

// Runs luthierd with these arguments on this terminal; its exit code.
int run_luthierd(std::vector<std::string> arguments) {
  std::error_code failure;
  const fs::path program = fs::read_symlink("/proc/self/exe", failure).parent_path() / "luthierd";
  arguments.insert(arguments.begin(), program.string());
  ChildOptions child{.argv = std::move(arguments), .stdout_fd = 1, .stderr_fd = 2};
  const Result<pid_t> pid = spawn_child(child);
  if (!pid) {
    return report(pid.error());
  }
  int status = 0;
  while (::waitpid(*pid, &status, 0) < 0) {
    if (errno != EINTR) {
      return report(Error{ErrorCode::kInternal, "luthierd cannot be waited for"});
    }
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : kExitFailure;
}

}  // namespace

int gc_command(const GlobalOptions& options, bool dry_run) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<Json> done = api->post("/api/v1/gc", {{"dry_run", dry_run}});
  if (!done) {
    return report(done.error());
  }
  if (options.json) {
    std::printf("%s\n", dump(*done, 2).c_str());
    return kExitSuccess;
  }
  const Json kept = done->value("kept", Json::object());
  std::printf("%s %s\n", dry_run ? "would delete" : "deleted", counts(done->value("deleted", Json::object())).c_str());
  std::printf("kept %s; %s of them only because they were uploaded or asked for lately\n", counts(kept).c_str(),
              text_of(kept, "by_lease_only").c_str());
  return kExitSuccess;
}

int backup_command(const GlobalOptions& options, const BackupOptions& backup) {
  std::vector<std::string> arguments = {"--data", data_folder(options, environment).string(), "--backup",
                                        backup.folder};
  if (backup.links) {
    arguments.emplace_back("--backup-links");
  }
  return run_luthierd(std::move(arguments));
}

int restore_command(const GlobalOptions& options, const BackupOptions& backup) {
  if (options.data.empty()) {
    std::fprintf(stderr, "luthier: say with --data NEW which folder the backup is restored to\n");
    return kExitUsage;
  }
  return run_luthierd({"--data", options.data, "--restore", backup.folder});
}

int journal_command(const GlobalOptions& options, const JournalOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  if (given.state_at > 0) {
    const Result<Json> state = api->get("/api/v1/journal/state?at=" + std::to_string(given.state_at));
    if (!state) {
      return report(state.error());
    }
    std::printf("%s\n", dump(state->value("state", Json()), 2).c_str());
    return kExitSuccess;
  }
  const Result<Json> page =
      api->get("/api/v1/journal?after=" + std::to_string(given.after) + "&limit=" + std::to_string(given.limit));
  if (!page) {
    return report(page.error());
  }
  for (const Json& record : page->value("records", Json::array())) {
    std::printf("%s\n", dump(record, -1).c_str());
  }
  if (const std::string next = text_of(*page, "next"); !next.empty()) {
    std::fprintf(stderr, "more: luthier journal --after %s\n", next.c_str());
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
