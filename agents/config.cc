#include "agents/config.h"

#include <unistd.h>

#include <array>
#include <charconv>
#include <functional>
#include <map>

#include "agents/version.h"

namespace luthier::agents {
namespace {

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
  return text +
         "  --print-config                  the settings in force and where each comes from\n"
         "  --version, --help\n";
}

using Origins = std::map<std::string, std::pair<std::string, std::string>>;  // flag → origin, value as given

Result<void> apply(const Setting& setting, const std::string& value, const std::string& origin, Config& config,
                   Origins& origins) {
  if (auto set = setting.set(config, value); !set) {
    return Error{ErrorCode::kInvalidArgument, origin + " '" + value + "': " + set.error().message};
  }
  origins[setting.flag] = {origin, value};
  return {};
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
    const Setting* found = nullptr;
    for (const Setting& setting : settings()) {
      found = flag == setting.flag ? &setting : found;
    }
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
