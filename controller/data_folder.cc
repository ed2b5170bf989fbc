#include "controller/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::controller {

namespace {

constexpr int kJoinUsesMax = 1'000'000;
constexpr std::int64_t kJoinValidMs = std::int64_t{365} * 24 * 3'600 * 1'000;
constexpr std::size_t kSecretBytes = 32;

Error failed(const std::filesystem::path& path, const std::string& action) {
  return Error{ErrorCode::kInternal, path.string() + ": " + action + ": " + std::generic_category().message(errno)};
}

std::string holder_of(int lock) {
  char text[32] = {};
  const ssize_t count = ::pread(lock, text, sizeof text - 1, 0);
  const std::string pid(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  return pid.empty() ? "another process" : "process " + pid.substr(0, pid.find('\n'));
}

}  // namespace

Result<DataFolder> DataFolder::open(const std::string& path) {
  std::error_code bad;
  std::filesystem::path folder = std::filesystem::absolute(path, bad);
  if (bad) {
    return Error{ErrorCode::kInvalidArgument, path + ": " + bad.message()};
  }
  LUTHIER_TRY_VOID(create_folders(folder));
  if (::chmod(folder.c_str(), 0700) != 0) {  // it holds keys
    return failed(folder, "cannot set its mode to 0700");
  }
  const std::filesystem::path name = folder / "luthierd.lock";
  UniqueFd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid()) {
    return failed(name, "cannot open");
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return failed(name, "cannot lock");
    }
    return Error{ErrorCode::kFailedPrecondition, "the data folder " + folder.string() + " is in use by " +
                                                     holder_of(lock.get()) +
                                                     "; stop that controller, or choose another --data"};
  }
  if (::ftruncate(lock.get(), 0) != 0) {
    return failed(name, "cannot truncate");
  }
  LUTHIER_TRY_VOID(write_all(lock.get(), std::to_string(::getpid()) + "\n"));
  return DataFolder(std::move(folder), std::move(lock));
}

Result<void> DataFolder::ensure_admin_key(store::Store& store) const {
  LUTHIER_TRY(const bool exists, store.has_admin_key());
  if (exists) {
    return {};
  }
  const std::string key = "ltk_" + secure_random_hex(kSecretBytes);
  // The file first: a key that only the store's hash knows would be lost by a crash in between.
  LUTHIER_TRY_VOID(write_file_atomically(path_ / "admin.key", key + "\n", 0600));
  return store.add_key(key, {"admin", store::Scope::kAdmin});
}

Result<void> DataFolder::renew_join_token(store::Store& store, Now now) const {
  const std::string token = "ltj_" + secure_random_hex(kSecretBytes);
  LUTHIER_TRY_VOID(store.add_join_token(token, kJoinUsesMax, now.wall_ms + kJoinValidMs));
  return write_file_atomically(path_ / "agent-join.token", token + "\n", 0600);
}

}  // namespace luthier::controller
