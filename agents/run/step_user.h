// Another user for steps than the agent, which must be root then. The user sees what it is given: its attempt's work/
// and job.json, the artifacts that job.json names, and nothing else below the agent's folder.
#pragma once

#include <sys/fsuid.h>

#include <filesystem>
#include <optional>
#include <string>

#include "base/child_process.h"
#include "base/result.h"

namespace luthier::agents {

// kInvalidArgument: there is no such user, it is root, or this process is not.
[[nodiscard]] Result<ChildUser> find_step_user(const std::string& name);

// Makes the agent's folder passable, though not readable, and sees whether the user gets there: kPermissionDenied names
// the folder where it ends.
[[nodiscard]] Result<void> open_data_to(const std::filesystem::path& data, const ChildUser& user);

// The attempt's work/ and all in it become the user's, and job.json readable to it. Before its process starts.
[[nodiscard]] Result<void> give_attempt_to(const std::filesystem::path& attempt_folder, const ChildUser& user);

// While it lives this thread reaches files as the user would: what a step wrote may be links to what is none of its
// business. Nothing without a user.
class AsUser {
 public:
  explicit AsUser(const std::optional<ChildUser>& user) {
    if (user) {
      group_ = ::setfsgid(user->gid);
      user_ = ::setfsuid(user->uid);
      changed_ = true;
    }
  }
  ~AsUser() {
    if (changed_) {
      ::setfsuid(static_cast<uid_t>(user_));
      ::setfsgid(static_cast<gid_t>(group_));
    }
  }
  AsUser(const AsUser&) = delete;
  AsUser& operator=(const AsUser&) = delete;

 private:
  bool changed_ = false;
  int user_ = 0;
  int group_ = 0;
};

}  // namespace luthier::agents
