// Connection: where the controller is and with which key, from flags, environment or the data folder, in this order.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/command.h"

namespace luthier::cli {

using Environment = std::function<std::optional<std::string>(const std::string& name)>;

struct Connection {
  std::string url;  // without a slash at the end
  std::string key;
  std::string key_origin;  // for messages: never the key itself
};

// --data, LUTHIER_DATA, XDG_DATA_HOME/luthier, ~/.local/share/luthier.
[[nodiscard]] std::filesystem::path data_folder(const GlobalOptions& options, const Environment& environment);

// URL: --url, LUTHIER_URL, DATA/url (written by `luthier up`). Key: --key-file, LUTHIER_API_KEY, DATA/admin.key.
// kUnavailable without a URL, kUnauthenticated without a key; the message says where both were looked for.
[[nodiscard]] Result<Connection> find_connection(const GlobalOptions& options, const Environment& environment);

}  // namespace luthier::cli
