// DataFolder: luthierd's folder on disk: who may read it, who holds it, and the secrets that local programs find in it.
#pragma once

#include <filesystem>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "controller/store/store.h"

namespace luthier::controller {

class DataFolder {
 public:
  // Makes the folder if missing, sets its mode to 0700 and takes its lock for as long as this object (or the process)
  // lives. kFailedPrecondition names the process that already holds it.
  [[nodiscard]] static Result<DataFolder> open(const std::string& path);

  // When the store has no admin key: makes one, writes it to admin.key (0600) and adds it.
  [[nodiscard]] Result<void> ensure_admin_key(store::Store& store) const;
  // Makes a new join token for agents of this machine and writes it to agent-join.token (0600).
  [[nodiscard]] Result<void> renew_join_token(store::Store& store, Now now) const;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  DataFolder(std::filesystem::path path, UniqueFd lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  std::filesystem::path path_;
  UniqueFd lock_;
};

}  // namespace luthier::controller
