#include "agents/config.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "agents/version.h"
#include "base/file.h"

namespace luthier::agents {
namespace {

constexpr std::size_t kLabelBytesMax = 200;
constexpr std::size_t kLabelsMax = 64;
constexpr std::uint64_t kFileBytesMax = 1 << 20;

struct Setting {
  const char* flag;
  const char* variable;
  const char* placeholder;  // empty: a switch
  const char* default_text;
  const char* help;
  std::function<Result<void>(Config&, const std::string&)> set;
};

Error bad_value(const char* what) { return Error{ErrorCode::kInvalidArgument, what}; }

template <class Path>
std::function<Result<void>(Config&, const std::string&)> path_setter(Path Config::*member) {
  return [member](Config& config, const std::string& text) -> Result<void> {
    if (text.empty()) {
      return bad_value("must not be empty");
    }
    config.*member = Path(text);
    return {};
  };
}

std::function<Result<void>(Config&, const std::string&)> duration_setter(milliseconds Config::*member) {
  return [member](Config& config, const std::string& text) -> Result<void> {
    LUTHIER_TRY(config.*member, parse_duration(text));
    return {};
  };
}

Result<void> set_controller(Config& config, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0 || colon + 1 == text.size() ||
      text.find_first_not_of("0123456789", colon + 1) != std::string::npos) {
    return bad_value("must be HOST:PORT");
  }
  config.controller = text;
  return {};
}

Result<void> set_cpus(Config& config, const std::string& text) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), config.cpus);
  if (code != std::errc() || end != text.data() + text.size() || !(config.cpus > 0) || config.cpus > 100'000) {
    return bad_value("must be a number above 0");
  }
  return {};
}

Result<void> set_cache_bytes(Config& config, const std::string& text) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), config.cache_bytes);
  if (code != std::errc() || end != text.data() + text.size()) {
    return bad_value("must be a whole number of bytes");
  }
  return {};
}

// "gpu=a100"; given again, they add up; the same key again replaces.
Result<void> set_label(Config& config, const std::string& text) {
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find(',', start), text.size());
    const std::string one = text.substr(start, end - start);
    const std::size_t equals = one.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == one.size() || one.size() > kLabelBytesMax) {
      return bad_value("must be KEY=VALUE, or several with commas between them");
    }
    config.labels[one.substr(0, equals)] = one.substr(equals + 1);
    start = end + 1;
  }
  return config.labels.size() > kLabelsMax ? Result<void>(bad_value("too many labels; at most 64")) : Result<void>();
}

// "29500-29599", or one port.
Result<void> set_rendezvous_ports(Config& config, const std::string& text) {
  const std::size_t dash = text.find('-');
  const auto port = [](const std::string& digits) {
    int number = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    return code == std::errc() && end == digits.data() + digits.size() ? number : 0;
  };
  const int first = port(text.substr(0, dash));
  const int last = dash == std::string::npos ? first : port(text.substr(dash + 1));
  if (first < 1 || last < first || last > 65'535) {
    return bad_value("must be FIRST-LAST, ports from 1 to 65535");
  }
  config.rendezvous.port_first = first;
  config.rendezvous.port_last = last;
  return {};
}

Result<void> set_rendezvous_host(Config& config, const std::string& text) {
  if (text.empty() || text.find_first_of(" \t\n=,/") != std::string::npos || text.size() > 255) {
    return bad_value("must be a host's name or address");
  }
  config.rendezvous.host = text;
  return {};
}

Result<void> set_drain(Config& config, const std::string& text) {
  if (text != "1" && text != "true" && text != "0" && text != "false") {
    return bad_value("must be true or false");
  }
  config.drain = text == "1" || text == "true";
  return {};
}

Result<void> set_log_pretty(Config& config, const std::string& text) {
  if (text != "1" && text != "true" && text != "0" && text != "false") {
    return bad_value("must be true or false");
  }
  config.log_pretty = text == "1" || text == "true";
  return {};
}

const std::vector<Setting>& settings() {
  static const std::vector<Setting> table{
      {"--data", "LUTHIER_AGENT_DATA", "DIR", "required", "folder of this agent: attempts, cache, credential",
       path_setter(&Config::data)},
      {"--controller", "LUTHIER_AGENT_CONTROLLER", "HOST:PORT", "127.0.0.1:7071", "where luthierd listens for agents",
       set_controller},
      {"--name", "LUTHIER_AGENT_NAME", "NAME", "the host's name", "for people; need not be unique",
       path_setter(&Config::name)},
      {"--join-token-file", "LUTHIER_AGENT_JOIN_TOKEN_FILE", "FILE", "none",
       "holds the token that admits this agent; needed at the first start only", path_setter(&Config::join_token_file)},
      {"--cpus", "LUTHIER_AGENT_CPUS", "N", "what the machine has", "cores offered to steps", set_cpus},
      {"--worker", "LUTHIER_AGENT_WORKER", "FILE", "luthier-worker beside this program",
       "program that trains, evaluates and serves", path_setter(&Config::worker)},
      {"--cache-bytes", "LUTHIER_AGENT_CACHE_BYTES", "N", "53687091200", "artifacts kept on this machine",
       set_cache_bytes},
      {"--orphan-timeout", "LUTHIER_AGENT_ORPHAN_TIMEOUT", "DURATION", "15m",
       "a step is stopped when no agent has attended it for so long", duration_setter(&Config::orphan_timeout)},
      {"--stop-grace", "LUTHIER_AGENT_STOP_GRACE", "DURATION", "10s", "between TERM and KILL of a step",
       duration_setter(&Config::stop_grace)},
      {"--hang-timeout", "LUTHIER_AGENT_HANG_TIMEOUT", "DURATION", "10m",
       "a training, evaluation or preparation that says nothing for so long is ended; 0s: only reported",
       duration_setter(&Config::hang_timeout)},
      {"--stall-timeout", "LUTHIER_AGENT_STALL_TIMEOUT", "DURATION", "1h",
       "a training or evaluation that lives but makes no progress for so long is ended; 0s: never",
       duration_setter(&Config::stall_timeout)},
      {"--step-user", "LUTHIER_AGENT_STEP_USER", "USER", "the agent's",
       "steps run as this user, who sees nothing of the agent's; the agent must be root",
       path_setter(&Config::step_user)},
      {"--label", "LUTHIER_AGENT_LABEL", "KEY=VALUE", "none",
       "what steps may ask for with resources.labels; may be repeated", set_label},
      {"--cgroup", "LUTHIER_AGENT_CGROUP", "DIR", "none",
       "delegated control group (version 2) in which each step gets one of its own, with its cpus and memory",
       path_setter(&Config::cgroup)},
      {"--rendezvous-host", "LUTHIER_AGENT_RENDEZVOUS_HOST", "HOST", "the address that routes to the controller",
       "where other agents reach rank 0 of a step on several nodes", set_rendezvous_host},
      {"--rendezvous-ports", "LUTHIER_AGENT_RENDEZVOUS_PORTS", "FIRST-LAST", "29500-29599",
       "TCP ports set aside for that, one for each such step", set_rendezvous_ports},
      {"--drain", "LUTHIER_AGENT_DRAIN", "", "false",
       "at SIGTERM take no new work and end when nothing runs any more; a second SIGTERM ends at once", set_drain},
      {"--drain-deadline", "LUTHIER_AGENT_DRAIN_DEADLINE", "DURATION", "none",
       "with --drain: what still runs then is moved to other agents", duration_setter(&Config::drain_deadline)},
      {"--nvml-library", "LUTHIER_AGENT_NVML_LIBRARY", "FILE", "libnvidia-ml.so.1", "where GPUs are looked for",
       path_setter(&Config::nvml_library)},
      {"--ready-file", "LUTHIER_AGENT_READY_FILE", "FILE", "none", "written when the controller has welcomed the agent",
       path_setter(&Config::ready_file)},
      {"--log-pretty", "LUTHIER_AGENT_LOG_PRETTY", "", "false", "log for people instead of JSON lines", set_log_pretty},
  };
  return table;
}

std::string help_text() {
  std::string text =
      "usage: luthier-agent --data DIR [options]\n\n"
      "Runs steps for a Luthier controller on this machine.\n\n";
  for (const Setting& setting : settings()) {
    std::string left = std::string("  ") + setting.flag + " " + setting.placeholder;
    left.resize(std::max<std::size_t>(left.size() + 1, 34), ' ');
    text += left + setting.help + "\n" + std::string(34, ' ') + "default: " + setting.default_text + "; or " +
            setting.variable + "\n";
  }
  return text + "  --config FILE                   lines 'name = value', names as above without dashes in front\n" +
         std::string(34, ' ') +
         "or LUTHIER_AGENT_CONFIG\n"
         "  --print-config                  the settings in force and where each comes from\n"
         "  --version, --help\n";
}

using Origins = std::map<std::string, std::pair<std::string, std::string>>;  // flag → origin, value as given

Result<void> apply(const Setting& setting, const std::string& value, const std::string& origin, Config& config,
                   Origins& origins) {
  if (auto set = setting.set(config, value); !set) {
    return Error{ErrorCode::kInvalidArgument, origin + " '" + value + "': " + set.error().message};
  }
  auto& [from, shown] = origins[setting.flag];
  const bool adds_up = std::string_view(setting.flag) == "--label" && !shown.empty();
  from = origin;
  shown = adds_up ? shown + "," + value : value;
  return {};
}

const Setting* find_setting(const std::string& flag) {
  for (const Setting& setting : settings()) {
    if (flag == setting.flag) {
      return &setting;
    }
  }
  return nullptr;
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

Result<void> apply_file(const std::string& path, ParsedConfig& parsed, Origins& origins) {
  LUTHIER_TRY(const std::string content, read_file(path, kFileBytesMax));
  std::string_view rest = content;
  for (int number = 1; !rest.empty(); ++number) {
    const std::string place = path + ":" + std::to_string(number);
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::string_view text = trim(line.substr(0, line.find('#')));
    if (text.empty()) {
      continue;
    }
    const auto equals = text.find('=');
    const std::string name(trim(text.substr(0, equals)));
    const Setting* setting = find_setting("--" + name);
    if (equals == std::string_view::npos || setting == nullptr) {
      return Error{ErrorCode::kInvalidArgument,
                   place + (equals == std::string_view::npos
                                ? ": expected 'name = value'"
                                : ": there is no setting '" + name + "'; see luthier-agent --help")};
    }
    LUTHIER_TRY_VOID(apply(*setting, std::string(trim(text.substr(equals + 1))), place, parsed.config, origins));
  }
  return {};
}

// What --config names; the environment's when no flag does.
std::string config_file(const std::vector<std::string>& arguments, const char* (*environment)(const char*)) {
  const char* named = environment("LUTHIER_AGENT_CONFIG");
  std::string file = named == nullptr ? "" : named;
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    if (arguments[at] == "--config" && at + 1 < arguments.size()) {
      file = arguments[at + 1];
    } else if (arguments[at].starts_with("--config=")) {
      file = arguments[at].substr(9);
    }
  }
  return file;
}

Result<void> apply_flags(const std::vector<std::string>& arguments, ParsedConfig& parsed, Origins& origins) {
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::size_t equals = arguments[at].find('=');
    const std::string flag = arguments[at].substr(0, equals);
    if (flag == "--help" || flag == "-h" || flag == "--version" || flag == "--print-config") {
      parsed.action = flag == "--version"        ? ConfigAction::kPrintVersion
                      : flag == "--print-config" ? ConfigAction::kPrintConfig
                                                 : ConfigAction::kPrintHelp;
      continue;
    }
    if (flag == "--config") {  // config_file() has seen to it
      if (equals == std::string::npos && ++at >= arguments.size()) {
        return Error{ErrorCode::kInvalidArgument, "--config needs a value: FILE"};
      }
      continue;
    }
    const Setting* found = find_setting(flag);
    if (found == nullptr) {
      return Error{ErrorCode::kInvalidArgument, "unknown argument '" + flag + "'; see luthier-agent --help"};
    }
    std::string value = equals == std::string::npos ? "" : arguments[at].substr(equals + 1);
    if (equals == std::string::npos) {
      if (*found->placeholder == '\0') {
        value = "true";
      } else if (at + 1 < arguments.size()) {
        value = arguments[++at];
      } else {
        return Error{ErrorCode::kInvalidArgument, flag + " needs a value: " + found->placeholder};
      }
    }
    LUTHIER_TRY_VOID(apply(*found, value, flag, parsed.config, origins));
  }
  return {};
}

std::string print_config(const Origins& origins) {
  std::string text;
  for (const Setting& setting : settings()) {
    const auto found = origins.find(setting.flag);
    text += std::string(setting.flag).substr(2) + " = " +
            (found == origins.end() ? setting.default_text : found->second.second) + "  (" +
            (found == origins.end() ? "default" : found->second.first) + ")\n";
  }
  return text;
}

Result<void> complete(Config& config) {
  if (config.data.empty()) {
    return Error{ErrorCode::kInvalidArgument, "--data DIR is required: the folder that belongs to this agent"};
  }
  std::error_code code;
  config.data = std::filesystem::absolute(config.data, code).lexically_normal();
  if (config.name.empty()) {
    std::array<char, 256> host{};
    config.name = ::gethostname(host.data(), host.size() - 1) == 0 ? host.data() : "agent";
  }
  return {};
}

}  // namespace

Result<milliseconds> parse_duration(const std::string& text) {
  static const std::map<std::string, std::int64_t> kUnits{{"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}};
  std::int64_t number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto unit = kUnits.find(std::string(end, text.data() + text.size()));
  if (code != std::errc() || number < 0 || unit == kUnits.end() || number > 1'000'000'000) {
    return Error{ErrorCode::kInvalidArgument, "must be a duration like 500ms, 10s, 15m or 2h"};
  }
  return milliseconds(number * unit->second);
}

Result<ParsedConfig> parse_config(const std::vector<std::string>& arguments, const char* (*environment)(const char*)) {
  ParsedConfig parsed;
  Origins origins;
  if (const std::string file = config_file(arguments, environment); !file.empty()) {
    LUTHIER_TRY_VOID(apply_file(file, parsed, origins));
  }
  for (const Setting& setting : settings()) {
    if (const char* value = environment(setting.variable); value != nullptr && *value != '\0') {
      LUTHIER_TRY_VOID(apply(setting, value, setting.variable, parsed.config, origins));
    }
  }
  LUTHIER_TRY_VOID(apply_flags(arguments, parsed, origins));
  switch (parsed.action) {
    case ConfigAction::kPrintHelp: parsed.text = help_text(); return parsed;
    case ConfigAction::kPrintVersion: parsed.text = std::string("luthier-agent ") + kVersion + "\n"; return parsed;
    case ConfigAction::kPrintConfig: parsed.text = print_config(origins); return parsed;
    case ConfigAction::kRun: break;
  }
  LUTHIER_TRY_VOID(complete(parsed.config));
  return parsed;
}

}  // namespace luthier::agents
