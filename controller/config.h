// Config: luthierd's settings. One struct, one table (config.cc); each value is the default, overridden by the file,
// by the environment (LUTHIER_…), by a flag, in this order.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"

namespace luthier::controller {

#ifdef LUTHIER_CHECK_INVARIANTS
inline constexpr bool kCheckInvariantsDefault = true;  // the preset dev
#else
inline constexpr bool kCheckInvariantsDefault = false;
#endif

struct Config {
  std::string data;  // folder for everything that must survive
  std::string http_host = "127.0.0.1";
  int http_port = 7070;  // 0: any free one
  std::string grpc_host = "127.0.0.1";
  int grpc_port = 7071;  // 0: any free one
  milliseconds agent_silence{10'000};
  milliseconds start_grace{15'000};                // where not set: at least agent_silence
  std::int64_t snapshot_every = 10'000;            // journal records
  milliseconds history_keep{90LL * 86'400'000};    // archived journal, and artifacts that only finished runs name
  milliseconds telemetry_keep{90LL * 86'400'000};  // logs and metrics of runs that ended
  std::uint64_t telemetry_bytes_max = 0;           // of them; 0: no bound
  milliseconds upload_lease{86'400'000};           // what was uploaded so lately is never collected
  std::uint64_t free_bytes_min = 0;                // of the data folder's disk; 0: DiskGuard's default
  bool check_invariants = kCheckInvariantsDefault;
  bool log_pretty = false;
  LogLevel log_level = LogLevel::kInfo;
  bool metrics_open = false;  // GET /metrics needs no key
  std::string ready_file;     // empty: none
};

// What the command line asks for.
enum class Action { kRun, kHelp, kVersion, kPrintConfig, kBackup, kRestore };

struct ParsedConfig {
  Action action = Action::kRun;
  Config config;
  std::string backup;                          // folder of kBackup and kRestore
  bool backup_links = false;                   // hard links instead of copies where they can be made
  std::map<std::string, std::string> origins;  // option name → "default", "file …", "LUTHIER_…" or "flag"
};

// Reads one environment variable; nothing when it is not set.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;

// `arguments` without the program's name. The file is what --config or LUTHIER_CONFIG names: lines "name = value",
// '#' starts a comment. Errors name the value's origin and what is allowed. Values that contradict each other, and
// addresses beyond loopback (there is no TLS yet), are refused here too; not for kHelp.
[[nodiscard]] Result<ParsedConfig> parse_config(const std::vector<std::string>& arguments,
                                                const Environment& environment);

[[nodiscard]] std::string config_help();
// One line per option: name = value  # origin.
[[nodiscard]] std::string print_config(const ParsedConfig& parsed);

}  // namespace luthier::controller
