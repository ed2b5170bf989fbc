#include "cli/connection.h"

#include "base/file.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

constexpr std::uint64_t kSmallFileBytesMax = 64 * 1024;

Result<std::string> find_url(const GlobalOptions& options, const Environment& environment,
                             const std::filesystem::path& data) {
  if (!options.url.empty()) {
    return options.url;
  }
  if (const auto url = environment("LUTHIER_URL")) {
    return *url;
  }
  const auto file = read_file(data / "url", kSmallFileBytesMax);
  if (!file) {
    return Error{ErrorCode::kUnavailable,
                 "no controller is known: " + (data / "url").string() +
                     " is not there. `luthier up` starts one; or name one with --url, LUTHIER_URL or --data"};
  }
  return trimmed(*file);
}

Result<void> find_key(const GlobalOptions& options, const Environment& environment, const std::filesystem::path& data,
                      Connection& connection) {
  if (options.key_file.empty()) {
    if (const auto key = environment("LUTHIER_API_KEY")) {
      connection.key = trimmed(*key);
      connection.key_origin = "LUTHIER_API_KEY";
      return {};
    }
  }
  const std::filesystem::path path =
      options.key_file.empty() ? data / "admin.key" : std::filesystem::path(options.key_file);
  const auto file = read_file(path, kSmallFileBytesMax);
  if (!file) {
    return Error{ErrorCode::kUnauthenticated,
                 "no key: cannot read " + path.string() + "; give one with --key-file or LUTHIER_API_KEY"};
  }
  connection.key = trimmed(*file);
  connection.key_origin = path.string();
  return {};
}

}  // namespace

std::filesystem::path data_folder(const GlobalOptions& options, const Environment& environment) {
  if (!options.data.empty()) {
    return options.data;
  }
  if (const auto data = environment("LUTHIER_DATA")) {
    return *data;
  }
  if (const auto data_home = environment("XDG_DATA_HOME")) {
    return std::filesystem::path(*data_home) / "luthier";
  }
  return std::filesystem::path(environment("HOME").value_or("/")) / ".local" / "share" / "luthier";
}

Result<Connection> find_connection(const GlobalOptions& options, const Environment& environment) {
  const std::filesystem::path data = data_folder(options, environment);
  Connection connection;
  LUTHIER_TRY(connection.url, find_url(options, environment, data));
  while (!connection.url.empty() && connection.url.back() == '/') {
    connection.url.pop_back();
  }
  LUTHIER_TRY_VOID(find_key(options, environment, data, connection));
  for (const char character : connection.key) {
    if (character <= ' ' || character > '~') {  // would break the header it goes into
      return Error{ErrorCode::kUnauthenticated, "the key in " + connection.key_origin + " holds odd characters"};
    }
  }
  return connection;
}

}  // namespace luthier::cli
