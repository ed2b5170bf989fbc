// `luthier artifacts show|get`, `luthier models export`: stored files on this machine.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/api_client.h"
#include "cli/command.h"

namespace luthier::cli {

struct ExportOptions {
  std::string model;   // NAME, NAME@ALIAS or NAME@VERSION
  std::string folder;  // must be empty or absent
  bool merge = false;  // base and adapter as one model
};

// `reference`: a digest, or RUN/STEP/OUTPUT such as r-3/train/model.
[[nodiscard]] int artifact_show_command(const GlobalOptions& options, const std::string& reference);
[[nodiscard]] int artifact_get_command(const GlobalOptions& options, const std::string& reference,
                                       const std::string& folder);
// A whole model becomes the folder itself. With an adapter: the adapter is the folder itself, and names its base, which
// is in base/; or with `merge` one model, made by luthier-worker beside this program. luthier-export.json says which
// version that is.
[[nodiscard]] int export_command(const GlobalOptions& options, const ExportOptions& given);

// The digest within `outputs` that a path of member names ("model", "model/adapter") leads to; of a model its adapter
// if it has one, else its base. kNotFound says what is there. Pure.
[[nodiscard]] Result<std::string> digest_at(const Json& outputs, const std::string& path);

}  // namespace luthier::cli
