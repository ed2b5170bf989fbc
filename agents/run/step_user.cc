#include "agents/run/step_user.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/file.h"

namespace luthier::agents {
namespace fs = std::filesystem;
namespace {

constexpr mode_t kPassable = 0711;
constexpr int kGroupsMax = 65'536;  // of Linux

Error refuse(const std::string& name, const std::string& why) {
  return Error{ErrorCode::kInvalidArgument, "--step-user " + name + ": " + why};
}

Error disk_error(const std::string& what, const fs::path& path) {
  return Error{ErrorCode::kInternal, what + " " + path.string() + ": " + std::strerror(errno)};
}

Result<void> make_passable(const fs::path& folder) {
  return ::chmod(folder.c_str(), kPassable) == 0 ? Result<void>()
                                                 : disk_error("cannot open to the step's user", folder);
}

Result<void> give(const fs::path& path, const ChildUser& user) {
  return ::lchown(path.c_str(), user.uid, user.gid) == 0 ? Result<void>() : disk_error("cannot give away", path);
}

}  // namespace

Result<ChildUser> find_step_user(const std::string& name) {
  if (::geteuid() != 0) {
    return refuse(name, "only an agent that runs as root can run steps as another user; this one is user " +
                            std::to_string(::geteuid()) + ". Start it as root, or leave the option out");
  }
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(1 << 16);
  if (::getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found) != 0 || found == nullptr) {
    return refuse(name, "there is no such user on this machine; make one: useradd --system " + name);
  }
  if (entry.pw_uid == 0) {
    return refuse(name, "steps would be root, as the agent is; name an unprivileged user");
  }
  ChildUser user{entry.pw_uid, entry.pw_gid, std::vector<gid_t>(64)};
  auto count = static_cast<int>(user.groups.size());
  while (::getgrouplist(name.c_str(), user.gid, user.groups.data(), &count) < 0 && count <= kGroupsMax) {
    user.groups.resize(static_cast<std::size_t>(count));
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

Result<void> open_data_to(const fs::path& data, const ChildUser& user) {
  for (const char* name : {"", "attempts", "cache", "cache/artifacts"}) {
    LUTHIER_TRY_VOID(create_folders(data / name));
    LUTHIER_TRY_VOID(make_passable(name[0] == '\0' ? data : data / name));
  }
  fs::path way = "/";
  for (const fs::path& part : data / "attempts") {
    way /= part;
    struct stat status {};
    const AsUser user_now(user);
    if (::stat((way / ".").c_str(), &status) != 0) {
      return Error{ErrorCode::kPermissionDenied, "--step-user: the user cannot pass through " + way.string() + " (" +
                                                     std::strerror(errno) + "); chmod o+x " + way.string() +
                                                     ", or choose another --data"};
    }
  }
  return {};
}

Result<void> give_attempt_to(const fs::path& attempt_folder, const ChildUser& user) {
  LUTHIER_TRY_VOID(make_passable(attempt_folder));
  LUTHIER_TRY_VOID(give(attempt_folder / "job.json", user));
  if (::chmod((attempt_folder / "job.json").c_str(), 0400) != 0) {
    return disk_error("cannot protect", attempt_folder / "job.json");
  }
  const fs::path work = attempt_folder / "work";
  LUTHIER_TRY_VOID(give(work, user));
  std::error_code code;
  for (auto it = fs::recursive_directory_iterator(work, code); !code && it != fs::recursive_directory_iterator();
       it.increment(code)) {
    LUTHIER_TRY_VOID(give(it->path(), user));
  }
  return code ? Result<void>(Error{ErrorCode::kInternal, "cannot read " + work.string() + ": " + code.message()})
              : Result<void>();
}

}  // namespace luthier::agents
