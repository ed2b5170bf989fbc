// Programs beside this one, their release and libraries; the data folder and its keys.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "base/child_process.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "base/version.h"
#include "cli/doctor.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::array kPrograms{"luthierd", "luthier-agent", "luthier-shim", "luthier-prep", "luthier-worker"};
constexpr int kAnswerSecondsMax = 30;  // LibTorch takes its time on a cold disk

struct Said {
  int status = 0;  // exit status, or minus the signal
  std::string output;
};

// Runs a program to its end; killed when it takes too long.
Result<Said> ask_program(const fs::path& program, const std::string& argument) {
  const UniqueFd output(::memfd_create("luthier-doctor", MFD_CLOEXEC));
  ChildOptions options;
  options.argv = {program.string(), argument};
  options.environment = {"PATH=/usr/bin:/bin"};
  options.stdout_fd = output.get();
  options.stderr_fd = output.get();
  LUTHIER_TRY(const pid_t pid, spawn_child(options));
  int status = 0;
  for (int i = 0; ::waitpid(pid, &status, WNOHANG) == 0; ++i) {
    if (i == kAnswerSecondsMax * 20) {
      ::kill(pid, SIGKILL);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  Said said{WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), std::string(2'000, '\0')};
  const ssize_t count = ::pread(output.get(), said.output.data(), said.output.size(), 0);
  said.output.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return said;
}

Finding check_programs(const fs::path& bin) {
  std::string missing;
  for (const char* name : kPrograms) {
    if (::access((bin / name).c_str(), X_OK) != 0) {
      missing += (missing.empty() ? "" : ", ") + std::string(name);
    }
  }
  if (missing.empty()) {
    return {"programs", Verdict::kOk, "all six in " + bin.string(), ""};
  }
  return {"programs", Verdict::kFail, "missing in " + bin.string() + ": " + missing,
          "install all programs into one folder (docs/operations.md)"};
}

Finding check_releases(const fs::path& bin) {
  std::string others;
  for (const char* name : kPrograms) {
    if (::access((bin / name).c_str(), X_OK) != 0) {
      continue;  // said by check_programs()
    }
    const Result<Said> said = ask_program(bin / name, "--version");
    std::string wanted = name;
    wanted.append(" ").append(kVersion).append("\n");
    if (!said || said->output != wanted) {
      const std::string output = said ? said->output : said.error().message;
      others += (others.empty() ? "" : "; ") + std::string(name) + " says: " + output.substr(0, output.find('\n'));
    }
  }
  if (!others.empty()) {
    return {"release", Verdict::kFail, "luthier is " + std::string(kVersion) + ", but " + others,
            "install programs of one release"};
  }
  return {"release", Verdict::kOk, "all programs here are " + std::string(kVersion), ""};
}

// A program whose libraries are not found ends with 127 before it can say anything itself.
Finding check_worker(const fs::path& bin) {
  const Result<Said> said = ask_program(bin / "luthier-worker", "--help");
  if (!said) {
    return {"worker", Verdict::kFail, said.error().message, "install luthier-worker beside luthier"};
  }
  if (said->status == 127 || said->status < 0 || said->output.find("luthier-worker") == std::string::npos) {
    return {"worker", Verdict::kFail, "luthier-worker does not start: " + said->output.substr(0, 300),
            "LibTorch must lie where the build found it (LUTHIER_DEPS_DIR, LIBTORCH_DIR)"};
  }
  return {"worker", Verdict::kOk, "luthier-worker starts: its libraries are found", ""};
}

Finding check_secret(const fs::path& file) {
  struct stat info {};
  const std::string name = file.filename().string();
  if (::stat(file.c_str(), &info) != 0) {
    return {"keys", Verdict::kWarn, "there is no " + file.string(), "luthierd makes it when it starts"};
  }
  if ((info.st_mode & 077) != 0) {
    return {"keys", Verdict::kFail, "others may read " + file.string(), "chmod 600 " + file.string()};
  }
  if (info.st_uid != ::geteuid() || ::access(file.c_str(), R_OK) != 0) {
    return {"keys", Verdict::kWarn, file.string() + " belongs to user " + std::to_string(info.st_uid),
            "use a key of your own: --key-file or LUTHIER_API_KEY"};
  }
  return {"keys", info.st_size > 8 ? Verdict::kOk : Verdict::kFail, name + " is for its owner only",
          info.st_size > 8 ? "" : "it is empty: stop luthierd, remove it, start luthierd"};
}

Finding check_database(const fs::path& file) {
  const Result<std::string> header = [&]() -> Result<std::string> {
    const UniqueFd opened(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    std::string bytes(16, '\0');
    if (!opened.valid() || ::pread(opened.get(), bytes.data(), bytes.size(), 0) != 16) {
      return Error{ErrorCode::kDataLoss, file.string() + " cannot be read, or is cut short"};
    }
    return bytes;
  }();
  const std::string name = file.filename().string();
  if (!header) {
    return {"data", Verdict::kFail, header.error().message, "restore the data folder from a backup"};
  }
  const bool good = header->starts_with("SQLite format 3");
  return {"data", good ? Verdict::kOk : Verdict::kFail,
          good ? name + " is a database" : file.string() + " is no database",
          good ? "" : "restore the data folder from a backup"};
}

std::vector<Finding> check_data(const fs::path& data) {
  struct stat info {};
  if (::stat(data.c_str(), &info) != 0) {
    return {{"data", Verdict::kWarn, "there is no " + data.string() + " yet", "`luthier up` makes it"}};
  }
  std::vector<Finding> findings;
  const bool open = (info.st_mode & 077) != 0;
  const bool writable = ::access(data.c_str(), W_OK | X_OK) == 0;
  findings.push_back({"data", open || !writable ? Verdict::kFail : Verdict::kOk,
                      data.string() + (open       ? " may be entered by others"
                                       : writable ? " is its owner's only"
                                                  : " is not writable"),
                      open       ? "chmod 700 " + data.string()
                      : writable ? ""
                                 : "run this as the user of luthierd"});
  std::error_code failure;
  if (!fs::exists(data / "luthier.db", failure)) {
    findings.push_back({"data", Verdict::kWarn, "no luthierd has run here yet", "`luthier up` starts one"});
    return findings;
  }
  findings.push_back(check_database(data / "luthier.db"));
  findings.push_back(check_database(data / "telemetry.db"));
  findings.push_back(check_secret(data / "admin.key"));
  findings.push_back(check_secret(data / "agent-join.token"));
  return findings;
}

}  // namespace

std::vector<Finding> check_installation(const fs::path& data) {
  std::error_code failure;
  const fs::path bin = fs::read_symlink("/proc/self/exe", failure).parent_path();
  std::vector<Finding> findings = {check_programs(bin), check_releases(bin), check_worker(bin)};
  for (Finding& finding : check_data(data)) {
    findings.push_back(std::move(finding));
  }
  return findings;
}

}  // namespace luthier::cli
