// The controller and its agents, or, when there is none, whether one could start.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/clock.h"
#include "base/version.h"
#include "cli/api_client.h"
#include "cli/doctor.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kListening = 0x0A;  // of /proc/net/tcp
constexpr std::int64_t kClockOffMs = 2'000;

// The inode of the socket that listens on a port; "" when none does.
std::string listener_inode(int port) {
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream lines(table);
    std::string line;
    while (std::getline(lines, line)) {
      std::istringstream fields(line);
      std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
      const std::size_t colon = local.rfind(':');
      if (colon != std::string::npos && std::strtol(state.c_str(), nullptr, 16) == kListening &&
          std::strtol(local.c_str() + colon + 1, nullptr, 16) == port) {
        return inode;
      }
    }
  }
  return "";
}

// "luthierd (process 12)", as far as this user may look.
std::string holder_of(const std::string& inode) {
  std::error_code failure;
  for (const fs::directory_entry& process : fs::directory_iterator("/proc", failure)) {
    const std::string pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    std::error_code refused;
    for (fs::directory_iterator files(process.path() / "fd", refused), end; !refused && files != end;
         files.increment(refused)) {
      std::error_code vanished;
      if (fs::read_symlink(files->path(), vanished) == "socket:[" + inode + "]") {
        std::ifstream name(process.path() / "comm");
        std::string program;
        std::getline(name, program);
        return program + " (process " + pid + ")";
      }
    }
  }
  return "a process of another user";
}

Finding check_port(int port, const std::string& option) {
  const std::string inode = listener_inode(port);
  if (inode.empty()) {
    return {"ports", Verdict::kOk, "port " + std::to_string(port) + " is free", ""};
  }
  return {"ports", Verdict::kWarn, "port " + std::to_string(port) + " is held by " + holder_of(inode),
          "if that is not luthierd, choose another with --" + option};
}

Finding check_release(const Json& version) {
  const std::string release = text_of(version, "version");
  const bool same = release == kVersion;
  return {"release", same ? Verdict::kOk : Verdict::kFail,
          "the controller is " + release + (same ? "" : ", luthier is " + std::string(kVersion)),
          same ? "" : "install programs of one release, and restart the controller"};
}

Finding check_offset(const Json& version) {
  const std::int64_t off_ms = std::llabs(version.value("now_ms", std::int64_t{0}) - SystemClock().now().wall_ms);
  const bool off = off_ms > kClockOffMs;
  return {"clock", off ? Verdict::kFail : Verdict::kOk,
          "the controller's clock is " + format_duration(off_ms) + (off ? " off" : " away from this one"),
          off ? "let both machines follow one time server" : ""};
}

Finding check_agents(const Json& answer) {
  int connected = 0;
  std::string lost;
  for (const Json& agent : answer.value("agents", Json::array())) {
    if (text_of(agent, "status") == "lost") {
      lost += (lost.empty() ? "" : ", ") + text_of(agent, "name");
    } else {
      ++connected;
    }
  }
  const std::string found = std::to_string(connected) + " connected" + (lost.empty() ? "" : ", lost: " + lost);
  const bool none = connected == 0;
  return {"agents", none || !lost.empty() ? Verdict::kWarn : Verdict::kOk, found,
          none            ? "start one: luthier-agent --data DIR --controller HOST:PORT"
          : !lost.empty() ? "look at their machines; their steps went elsewhere"
                          : ""};
}

// Older agents go on working, so a difference is no failure.
Finding check_agent_releases(const Json& answer, const std::string& release) {
  std::string others;
  for (const Json& agent : answer.value("agents", Json::array())) {
    const std::string version = text_of(agent, "version");
    if (text_of(agent, "status") != "lost" && version != release) {
      others += (others.empty() ? "" : ", ") + text_of(agent, "name") + " is " +
                (version.empty() ? "of a release that does not say" : version);
    }
  }
  return {"releases", others.empty() ? Verdict::kOk : Verdict::kWarn,
          others.empty() ? "all connected agents are " + release : "the controller is " + release + ", but " + others,
          others.empty()
              ? ""
              : "install the controller's release there and restart luthier-agent: its steps run on meanwhile"};
}

}  // namespace

std::vector<Finding> check_controller(const GlobalOptions& options) {
  Result<ApiClient> api = connect(options);
  const Result<Json> version = api ? api->get("/api/v1/version") : Result<Json>(api.error());
  if (!version) {
    const bool away = version.error().code == ErrorCode::kUnavailable;
    std::vector<Finding> findings = {{"controller", away ? Verdict::kWarn : Verdict::kFail, version.error().message,
                                      away ? "start it if it ought to run: systemctl start luthierd"
                                           : "give a key that it knows: --key-file or LUTHIER_API_KEY"}};
    findings.push_back(check_port(7070, "http-port"));
    findings.push_back(check_port(7071, "grpc-port"));
    return findings;
  }
  std::vector<Finding> findings = {{"controller", Verdict::kOk, "answers at " + api->url(), ""}};
  findings.push_back(check_release(*version));
  findings.push_back(check_offset(*version));
  if (const Result<Json> agents = api->get("/api/v1/agents")) {
    findings.push_back(check_agents(*agents));
    findings.push_back(check_agent_releases(*agents, text_of(*version, "version")));
  }
  return findings;
}

}  // namespace luthier::cli
