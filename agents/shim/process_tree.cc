#include "agents/shim/process_tree.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <sstream>

#include "base/file.h"

namespace luthier::shim {
namespace {

struct Stat {
  char state = '?';
  pid_t parent = 0;
  pid_t session = 0;
  std::uint64_t start_ticks = 0;
};

// proc(5): the name is in parentheses and may hold anything, so fields are counted from the last ')'.
std::optional<Stat> read_stat(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 1 << 16);
  if (!text) {
    return std::nullopt;
  }
  const std::size_t name_end = text->rfind(')');
  if (name_end == std::string::npos) {
    return std::nullopt;
  }
  std::istringstream fields(text->substr(name_end + 1));
  Stat stat;
  long long skipped = 0;
  fields >> stat.state >> stat.parent >> skipped >> stat.session;
  for (int field = 7; field <= 21; ++field) {
    fields >> skipped;
  }
  fields >> stat.start_ticks;
  if (!fields) {
    return std::nullopt;
  }
  return stat;
}

bool is_dead(const Stat& stat) { return stat.state == 'Z' || stat.state == 'X'; }

std::vector<pid_t> all_pids() {
  std::vector<pid_t> pids;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), &::closedir);
  if (!folder) {
    return pids;
  }
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (code == std::errc() && end == name.data() + name.size()) {
      pids.push_back(pid);
    }
  }
  return pids;
}

bool carries(pid_t pid, const std::string& nonce) {
  const auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", 1 << 22);
  if (!environment) {
    return false;  // gone, or another user's
  }
  const std::string entry = std::string(kNonceVariable) + "=" + nonce;
  const std::size_t at = environment->find(entry);
  return at != std::string::npos && (at == 0 || (*environment)[at - 1] == '\0') &&
         (at + entry.size() == environment->size() || (*environment)[at + entry.size()] == '\0');
}

}  // namespace

std::string read_boot_id() {
  auto text = read_file("/proc/sys/kernel/random/boot_id", 1 << 10);
  if (!text) {
    return "unknown";
  }
  while (!text->empty() && text->back() == '\n') {
    text->pop_back();
  }
  return *text;
}

Result<ProcessIdentity> identify(pid_t pid) {
  const auto stat = read_stat(pid);
  if (!stat) {
    return Error{ErrorCode::kNotFound, "no process " + std::to_string(pid)};
  }
  return ProcessIdentity{pid, stat->start_ticks, read_boot_id()};
}

bool is_running(const ProcessIdentity& identity) {
  if (identity.pid <= 0 || identity.boot_id != read_boot_id()) {
    return false;
  }
  const auto stat = read_stat(identity.pid);
  return stat && !is_dead(*stat) && stat->start_ticks == identity.start_ticks;
}

std::vector<pid_t> descendants_of(pid_t root) {
  std::multimap<pid_t, pid_t> children;
  std::set<pid_t> dead;
  for (const pid_t pid : all_pids()) {
    if (const auto stat = read_stat(pid)) {
      children.emplace(stat->parent, pid);
      if (is_dead(*stat)) {
        dead.insert(pid);
      }
    }
  }
  std::vector<pid_t> found;
  std::vector<pid_t> open{root};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto it = first; it != last; ++it) {
      open.push_back(it->second);
      if (!dead.contains(it->second)) {
        found.push_back(it->second);
      }
    }
  }
  return found;
}

bool kill_and_reap_descendants() {
  for (const pid_t pid : descendants_of(::getpid())) {
    ::kill(pid, SIGKILL);
  }
  while (true) {
    const pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
    if (pid == 0) {
      return false;
    }
    if (pid < 0 && errno != EINTR) {
      return true;
    }
  }
}

std::size_t kill_leftovers(const std::string& nonce, const ProcessIdentity* session_leader) {
  const bool same_boot = session_leader != nullptr && session_leader->boot_id == read_boot_id();
  std::size_t count = 0;
  for (const pid_t pid : all_pids()) {
    const auto stat = read_stat(pid);
    if (!stat || is_dead(*stat) || pid == ::getpid()) {
      continue;
    }
    // A session keeps its number from reuse while any member lives, so younger members are the leader's own.
    const bool of_session = same_boot && session_leader->pid > 0 && stat->session == session_leader->pid &&
                            stat->start_ticks >= session_leader->start_ticks;
    if ((of_session || (!nonce.empty() && carries(pid, nonce))) && ::kill(pid, SIGKILL) == 0) {
      ++count;
    }
  }
  return count;
}

}  // namespace luthier::shim
