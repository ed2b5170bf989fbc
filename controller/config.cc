#include "controller/config.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <utility>

#include "base/file.h"

namespace luthier::controller {

namespace {

constexpr std::uint64_t kFileBytesMax = 1 << 20;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

struct Option {
  const char* name;   // flag "--name", file "name", environment LUTHIER_NAME with '_' for '-'
  const char* value;  // what help calls its value; empty: a switch
  const char* help;
  Result<void> (*set)(Config& config, const std::string& text);
  std::string (*get)(const Config& config);
};

template <std::string Config::*kMember>
Result<void> set_text(Config& config, const std::string& text) {
  config.*kMember = text;
  return {};
}
template <std::string Config::*kMember>
std::string get_text(const Config& config) {
  return config.*kMember;
}

template <int Config::*kMember>
Result<void> set_port(Config& config, const std::string& text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port < 0 || port > 65'535) {
    return invalid("'" + text + "' is not a port from 0 to 65535");
  }
  config.*kMember = port;
  return {};
}
template <int Config::*kMember>
std::string get_port(const Config& config) {
  return std::to_string(config.*kMember);
}

template <std::int64_t Config::*kMember>
Result<void> set_count(Config& config, const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1) {
    return invalid("'" + text + "' is not a whole number from 1 on");
  }
  config.*kMember = count;
  return {};
}
template <std::int64_t Config::*kMember>
std::string get_count(const Config& config) {
  return std::to_string(config.*kMember);
}

// "1500ms", "10s", "2m", "12h", "90d".
template <milliseconds Config::*kMember>
Result<void> set_duration(Config& config, const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  constexpr std::pair<std::string_view, std::int64_t> kUnits[] = {
      {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
  std::int64_t factor = 0;
  for (const auto& [name, ms] : kUnits) {
    factor = unit == name ? ms : factor;
  }
  if (error != std::errc() || factor == 0 || count < 0 || count > 1'000'000) {
    return invalid("'" + text + "' is not a duration such as 1500ms, 10s, 2m, 12h or 90d");
  }
  config.*kMember = milliseconds(count * factor);
  return {};
}
template <milliseconds Config::*kMember>
std::string get_duration(const Config& config) {
  const std::int64_t count = (config.*kMember).count();
  if (count > 0 && count % 86'400'000 == 0) {
    return std::to_string(count / 86'400'000) + "d";
  }
  return count % 1'000 == 0 ? std::to_string(count / 1'000) + "s" : std::to_string(count) + "ms";
}

constexpr std::pair<std::string_view, int> kSizeUnits[] = {{"MiB", 20}, {"GiB", 30}, {"TiB", 40}};

// "512MiB", "20GiB", or `word` for 0.
Result<std::uint64_t> parse_size(const std::string& text, const char* word) {
  if (text == word) {
    return std::uint64_t{0};
  }
  std::uint64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  for (const auto& [name, shift] : kSizeUnits) {
    if (unit == name && error == std::errc() && count > 0 && count <= 1'000'000) {
      return count << shift;
    }
  }
  return invalid("'" + text + "' is neither " + word + " nor a size such as 512MiB or 20GiB");
}
std::string size_text(std::uint64_t bytes, const char* word) {
  return bytes == 0 ? word : std::to_string(bytes >> 20) + "MiB";
}

Result<void> set_free_bytes_min(Config& config, const std::string& text) {
  LUTHIER_TRY(config.free_bytes_min, parse_size(text, "auto"));
  return {};
}
std::string get_free_bytes_min(const Config& config) { return size_text(config.free_bytes_min, "auto"); }

Result<void> set_telemetry_bytes_max(Config& config, const std::string& text) {
  LUTHIER_TRY(config.telemetry_bytes_max, parse_size(text, "none"));
  return {};
}
std::string get_telemetry_bytes_max(const Config& config) { return size_text(config.telemetry_bytes_max, "none"); }

template <bool Config::*kMember>
Result<void> set_flag(Config& config, const std::string& text) {
  if (text != "true" && text != "false") {
    return invalid("'" + text + "' is neither true nor false");
  }
  config.*kMember = text == "true";
  return {};
}
template <bool Config::*kMember>
std::string get_flag(const Config& config) {
  return config.*kMember ? "true" : "false";
}

constexpr std::array<std::pair<const char*, LogLevel>, 4> kLogLevels{{{"debug", LogLevel::kDebug},
                                                                      {"info", LogLevel::kInfo},
                                                                      {"warning", LogLevel::kWarning},
                                                                      {"error", LogLevel::kError}}};

Result<void> set_log_level(Config& config, const std::string& text) {
  for (const auto& [name, level] : kLogLevels) {
    if (text == name) {
      config.log_level = level;
      return {};
    }
  }
  return invalid("'" + text + "' is none of debug, info, warning, error");
}
std::string get_log_level(const Config& config) {
  return kLogLevels.at(static_cast<std::size_t>(config.log_level)).first;
}

constexpr Option kOptions[] = {
    {"data", "DIR", "folder for everything that must survive; made if missing (required)", set_text<&Config::data>,
     get_text<&Config::data>},
    {"http-host", "ADDRESS", "loopback address of the HTTP API", set_text<&Config::http_host>,
     get_text<&Config::http_host>},
    {"http-port", "N", "port of the HTTP API; 0 takes any free one", set_port<&Config::http_port>,
     get_port<&Config::http_port>},
    {"grpc-host", "ADDRESS", "loopback address that agents call", set_text<&Config::grpc_host>,
     get_text<&Config::grpc_host>},
    {"grpc-port", "N", "port that agents call; 0 takes any free one", set_port<&Config::grpc_port>,
     get_port<&Config::grpc_port>},
    {"agent-silence", "TIME", "an agent not heard of for so long is lost; from 500ms on",
     set_duration<&Config::agent_silence>, get_duration<&Config::agent_silence>},
    {"start-grace", "TIME", "how long known agents may take to come back after a start of the controller",
     set_duration<&Config::start_grace>, get_duration<&Config::start_grace>},
    {"snapshot-every", "N", "write a snapshot of the state after so many journal records, and at stop",
     set_count<&Config::snapshot_every>, get_count<&Config::snapshot_every>},
    {"history-keep", "TIME", "how long archived journal segments, and artifacts that only ended runs name, are kept",
     set_duration<&Config::history_keep>, get_duration<&Config::history_keep>},
    {"telemetry-keep", "TIME", "how long logs and metrics of ended runs are kept",
     set_duration<&Config::telemetry_keep>, get_duration<&Config::telemetry_keep>},
    {"telemetry-max", "SIZE",
     "when logs and metrics take more, those of the runs that ended longest ago are deleted, such as 20GiB; none",
     set_telemetry_bytes_max, get_telemetry_bytes_max},
    {"upload-lease", "TIME", "artifacts uploaded, or asked for, within this time are never collected",
     set_duration<&Config::upload_lease>, get_duration<&Config::upload_lease>},
    {"min-free", "SIZE",
     "free disk below which no run is accepted and no step assigned, such as 512MiB or 20GiB; auto: 2 %",
     set_free_bytes_min, get_free_bytes_min},
    {"check-invariants", "",
     "check the machine's promises against its live journal; what is broken is logged as an error",
     set_flag<&Config::check_invariants>, get_flag<&Config::check_invariants>},
    {"log-pretty", "", "log lines for people instead of JSON", set_flag<&Config::log_pretty>,
     get_flag<&Config::log_pretty>},
    {"log-level", "LEVEL", "events below it are not logged: debug, info, warning or error", set_log_level,
     get_log_level},
    {"metrics-open", "", "GET /metrics needs no key", set_flag<&Config::metrics_open>, get_flag<&Config::metrics_open>},
    {"ready-file", "PATH", "write {\"http_url\", \"grpc_address\", \"pid\"} there as JSON once ready",
     set_text<&Config::ready_file>, get_text<&Config::ready_file>},
};

const Option* find_option(std::string_view name) {
  const auto* found =
      std::find_if(std::begin(kOptions), std::end(kOptions), [&](const Option& one) { return name == one.name; });
  return found == std::end(kOptions) ? nullptr : found;
}

std::string environment_name(std::string_view option) {
  std::string name = "LUTHIER_";
  for (const char c : option) {
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return name;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const auto first = text.find_first_not_of(kBlank);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

Result<void> assign(ParsedConfig& parsed, const Option& option, const std::string& text, const std::string& origin) {
  if (Result<void> set = option.set(parsed.config, text); !set) {
    return std::move(set).error().with(origin == "flag" ? "--" + std::string(option.name) : origin);
  }
  parsed.origins[option.name] = origin;
  return {};
}

Result<void> read_config_file(ParsedConfig& parsed, const std::string& path) {
  LUTHIER_TRY(const std::string content, read_file(path, kFileBytesMax));
  std::string_view rest = content;
  for (int line = 1; !rest.empty(); ++line) {
    const std::string place = path + ":" + std::to_string(line);
    const auto end = rest.find('\n');
    const std::string_view text = trim(rest.substr(0, end).substr(0, rest.substr(0, end).find('#')));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
    if (text.empty()) {
      continue;
    }
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) {
      return invalid(place + ": expected 'name = value'");
    }
    const std::string_view name = trim(text.substr(0, equals));
    const Option* option = find_option(name);
    if (option == nullptr) {
      return invalid(place + ": there is no option '" + std::string(name) + "'; `luthierd --help` lists them");
    }
    LUTHIER_TRY_VOID(assign(parsed, *option, std::string(trim(text.substr(equals + 1))), place));
  }
  return {};
}

struct Flag {
  std::string name;
  std::string value;
};

// Flags that are no settings.
bool is_action(std::string_view name) {
  constexpr std::string_view kActions[] = {"help",   "version",      "print-config", "config",
                                           "backup", "backup-links", "restore"};
  return std::find(std::begin(kActions), std::end(kActions), name) != std::end(kActions);
}

// Splits "--name value", "--name=value" and "--switch".
Result<std::vector<Flag>> split_flags(const std::vector<std::string>& arguments) {
  std::vector<Flag> flags;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string& argument = arguments[i];
    if (argument == "-h") {
      flags.push_back({"help", ""});
      continue;
    }
    if (!argument.starts_with("--")) {
      return invalid("'" + argument + "' is not an option; `luthierd --help` lists them");
    }
    const auto equals = argument.find('=');
    const bool inline_value = equals != std::string::npos;
    std::string name = inline_value ? argument.substr(2, equals - 2) : argument.substr(2);
    const Option* option = find_option(name);
    if (option == nullptr && !is_action(name)) {
      return invalid("there is no option '--" + name + "'; `luthierd --help` lists them");
    }
    const bool needs_value =
        name == "config" || name == "backup" || name == "restore" || (option != nullptr && *option->value != '\0');
    if (inline_value) {
      flags.push_back({std::move(name), argument.substr(equals + 1)});
    } else if (!needs_value) {
      flags.push_back({std::move(name), "true"});
    } else if (i + 1 == arguments.size()) {
      return invalid("--" + name + " needs a value");
    } else {
      flags.push_back({std::move(name), arguments[++i]});
    }
  }
  return flags;
}

bool is_loopback(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

Result<void> check(const Config& config) {
  for (const auto& [option, host] :
       {std::pair("--http-host", config.http_host), std::pair("--grpc-host", config.grpc_host)}) {
    if (!is_loopback(host)) {
      return invalid(std::string(option) + ": '" + host +
                     "' is not a loopback address; luthierd listens on loopback only (127.0.0.1), because mutual TLS "
                     "beyond it is not built yet");
    }
  }
  if (config.data.empty()) {
    return invalid("--data DIR is required: the folder that keeps everything that must survive");
  }
  if (config.agent_silence < milliseconds(500)) {
    return invalid("agent-silence must be at least 500ms");
  }
  if (config.start_grace < config.agent_silence) {
    return invalid("start-grace must not be shorter than agent-silence");
  }
  return {};
}

}  // namespace

Result<ParsedConfig> parse_config(const std::vector<std::string>& arguments, const Environment& environment) {
  ParsedConfig parsed;
  for (const Option& option : kOptions) {
    parsed.origins[option.name] = "default";
  }
  LUTHIER_TRY(const std::vector<Flag> flags, split_flags(arguments));
  std::string file = environment("LUTHIER_CONFIG").value_or("");
  for (const Flag& flag : flags) {
    if (flag.name == "help" || flag.name == "version") {
      parsed.action = flag.name == "help" ? Action::kHelp : Action::kVersion;
      return parsed;
    }
    if (flag.name == "print-config") {
      parsed.action = Action::kPrintConfig;
    } else if (flag.name == "config") {
      file = flag.value;
    } else if (flag.name == "backup" || flag.name == "restore") {
      parsed.action = flag.name == "backup" ? Action::kBackup : Action::kRestore;
      parsed.backup = flag.value;
    } else if (flag.name == "backup-links") {
      parsed.backup_links = true;
    }
  }
  if (!file.empty()) {
    LUTHIER_TRY_VOID(read_config_file(parsed, file));
  }
  for (const Option& option : kOptions) {
    const std::string name = environment_name(option.name);
    if (const std::optional<std::string> text = environment(name)) {
      LUTHIER_TRY_VOID(assign(parsed, option, *text, name));
    }
  }
  for (const Flag& flag : flags) {
    if (const Option* option = find_option(flag.name)) {
      LUTHIER_TRY_VOID(assign(parsed, *option, flag.value, "flag"));
    }
  }
  if (parsed.origins.at("start-grace") == "default") {
    parsed.config.start_grace = std::max(parsed.config.start_grace, parsed.config.agent_silence);
  }
  LUTHIER_TRY_VOID(check(parsed.config));
  return parsed;
}

std::string config_help() {
  std::string help =
      "luthierd: Luthier's controller.\n\n"
      "  luthierd --data DIR [options]\n\n"
      "Each value is the default, overridden by the file, the environment and the flag, in this order.\n\n";
  const auto add = [&help](const std::string& flag, const std::string& text) {
    help += "  " + flag + std::string(flag.size() < 26 ? 26 - flag.size() : 1, ' ') + text + "\n";
  };
  const Config defaults;
  for (const Option& option : kOptions) {
    std::string text = option.help;
    if (const std::string value = option.get(defaults); !value.empty()) {
      text += " [" + value + "]";
    }
    add("--" + std::string(option.name) + (*option.value == '\0' ? "" : " " + std::string(option.value)),
        text + " (" + environment_name(option.name) + ")");
  }
  add("--config FILE", "lines 'name = value', the names as above without dashes in front (LUTHIER_CONFIG)");
  add("--backup DIR", "copy the data folder to DIR, also while a controller runs, then end (`luthier backup`)");
  add("--backup-links", "hard links to artifacts instead of copies, where DIR is on the same file system");
  add("--restore DIR", "make the data folder, which must not exist or be empty, from a backup, then end");
  add("--print-config", "print every value and where it came from, then end");
  add("--version", "print the release, then end");
  add("--help", "print this, then end");
  return help;
}

std::string print_config(const ParsedConfig& parsed) {
  std::string text;
  for (const Option& option : kOptions) {
    text +=
        std::string(option.name) + " = " + option.get(parsed.config) + "  # " + parsed.origins.at(option.name) + "\n";
  }
  return text;
}

}  // namespace luthier::controller
