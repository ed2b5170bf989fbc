// Config of luthier-agent: one struct, one table. Default < file < environment < flag.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "agents/device/devices.h"
#include "base/clock.h"
#include "base/result.h"

namespace luthier::agents {

struct Config {
  std::filesystem::path data;                 // absolute after parsing
  std::string controller = "127.0.0.1:7071";  // HOST:PORT
  std::string name;                           // default: the host's name
  std::filesystem::path join_token_file;
  double cpus = 0;               // 0: what the machine has
  std::filesystem::path worker;  // default: luthier-worker beside this program
  std::filesystem::path ready_file;
  std::string nvml_library = "libnvidia-ml.so.1";
  std::uint64_t cache_bytes = std::uint64_t{50} << 30;
  milliseconds orphan_timeout{900'000};
  milliseconds stop_grace{10'000};
  milliseconds hang_timeout{600'000};     // 0: a silent process is only reported
  milliseconds stall_timeout{3'600'000};  // 0: never
  std::string step_user;                  // steps run as this user; empty: as the agent
  std::map<std::string, std::string> labels;
  std::filesystem::path cgroup;    // empty: none
  Rendezvous rendezvous;           // host empty: the address that routes to the controller
  bool drain = false;              // at the first SIGTERM, wait until nothing runs
  milliseconds drain_deadline{0};  // then what still runs is moved; 0: never
  bool log_pretty = false;
};

enum class ConfigAction { kRun, kPrintHelp, kPrintConfig, kPrintVersion };

struct ParsedConfig {
  Config config;
  ConfigAction action = ConfigAction::kRun;
  std::string text;  // what to print, unless kRun
};

// `arguments` without the program's name; `environment` as getenv. The file is what --config or LUTHIER_AGENT_CONFIG
// names: lines "name = value", names as flags without dashes in front, '#' starts a comment. One clear sentence for
// every mistake.
[[nodiscard]] Result<ParsedConfig> parse_config(const std::vector<std::string>& arguments,
                                                const char* (*environment)(const char*));

// "500ms", "10s", "15m", "2h".
[[nodiscard]] Result<milliseconds> parse_duration(const std::string& text);

}  // namespace luthier::agents
