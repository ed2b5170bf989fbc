#include "base/child_process.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

#include "base/unique_fd.h"

namespace luthier {
namespace {

// Everything the child needs, laid out before the fork: afterwards memory must not be allocated.
struct Prepared {
  std::string program;
  std::string workdir;
  std::vector<char*> argv;
  std::vector<char*> environment;
  std::array<int, 3> standard_fds{-1, -1, -1};
  UniqueFd null;
  UniqueFd cgroup_members;
  UniqueFd report_read;
  UniqueFd report_write;
  pid_t parent = 0;
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (const std::string& text : texts) {
    result.push_back(const_cast<char*>(text.c_str()));  // execve's signature predates const
  }
  result.push_back(nullptr);
  return result;
}

std::string path_of(const std::vector<std::string>& environment) {
  constexpr std::string_view kPrefix = "PATH=";
  for (const std::string& entry : environment) {
    if (entry.starts_with(kPrefix)) {
      return entry.substr(kPrefix.size());
    }
  }
  return "/usr/local/bin:/usr/bin:/bin";
}

Error start_error(const std::string& program, int code) {
  const ErrorCode kind = code == ENOENT                     ? ErrorCode::kNotFound
                         : code == EACCES                   ? ErrorCode::kPermissionDenied
                         : code == EAGAIN || code == ENOMEM ? ErrorCode::kResourceExhausted
                                                            : ErrorCode::kInternal;
  return Error{kind, "cannot start '" + program + "': " + std::strerror(code)};
}

Result<Prepared> prepare(const ChildOptions& options) {
  LUTHIER_CHECK(!options.argv.empty());
  Prepared prepared;
  LUTHIER_TRY(const std::filesystem::path program, find_program(options.argv[0], path_of(options.environment)));
  prepared.program = program.string();
  prepared.workdir = options.workdir.string();
  prepared.argv = pointers(options.argv);
  prepared.environment = pointers(options.environment);
  prepared.standard_fds = {options.stdin_fd, options.stdout_fd, options.stderr_fd};
  prepared.null = UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!options.cgroup_members.empty()) {
    prepared.cgroup_members = UniqueFd(::open(options.cgroup_members.c_str(), O_WRONLY | O_CLOEXEC));
    if (!prepared.cgroup_members.valid()) {
      return start_error(prepared.program, errno).with(options.cgroup_members.string());
    }
  }
  int ends[2];
  if (!prepared.null.valid() || ::pipe2(ends, O_CLOEXEC) != 0) {
    return start_error(prepared.program, errno);
  }
  prepared.report_read = UniqueFd(ends[0]);
  prepared.report_write = UniqueFd(ends[1]);
  prepared.parent = ::getpid();
  return prepared;
}

[[noreturn]] void report_and_exit(int fd) {
  const int code = errno;
  const ssize_t ignored = ::write(fd, &code, sizeof(code));
  static_cast<void>(ignored);
  ::_exit(127);
}

bool limit(int resource, const std::optional<std::uint64_t>& bytes) {
  if (!bytes) {
    return true;
  }
  const rlimit value{*bytes, *bytes};
  return ::setrlimit(static_cast<__rlimit_resource>(resource), &value) == 0;
}

// Copies above 2 first: a given descriptor may itself be 0, 1 or 2.
bool arrange_standard_fds(const Prepared& prepared) {
  std::array<int, 3> copies{};
  for (std::size_t index = 0; index < copies.size(); ++index) {
    const int source = prepared.standard_fds[index] >= 0 ? prepared.standard_fds[index] : prepared.null.get();
    copies[index] = ::fcntl(source, F_DUPFD_CLOEXEC, 3);
    if (copies[index] < 0) {
      return false;
    }
  }
  for (std::size_t index = 0; index < copies.size(); ++index) {
    if (::dup2(copies[index], static_cast<int>(index)) < 0) {
      return false;
    }
  }
  return true;
}

// The system calls themselves: what the C library makes of them concerns all threads, and there is only this one.
bool become_user(const ChildUser& user) {
  return ::syscall(SYS_setgroups, user.groups.size(), user.groups.data()) == 0 &&
         ::syscall(SYS_setresgid, user.gid, user.gid, user.gid) == 0 &&
         ::syscall(SYS_setresuid, user.uid, user.uid, user.uid) == 0 && ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

void close_others_on_exec() {
  if (::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0) {
    return;
  }
  for (int fd = 3; fd < 65'536; ++fd) {  // kernels before 5.11
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  }
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_program(const ChildOptions& options, Prepared& prepared) {
  const int report = prepared.report_write.get();
  if (prepared.cgroup_members.valid() && ::write(prepared.cgroup_members.get(), "0", 1) != 1) {
    report_and_exit(report);
  }
  if (options.file_mode_mask) {
    ::umask(*options.file_mode_mask);
  }
  // Dispositions go first: with the mask lifted, a handler of the parent must not run here.
  reset_signals();
  if (!arrange_standard_fds(prepared) || !limit(RLIMIT_CORE, options.core_bytes_max) ||
      !limit(RLIMIT_AS, options.address_space_bytes_max) || !limit(RLIMIT_DATA, options.data_bytes_max) ||
      (!prepared.workdir.empty() && ::chdir(prepared.workdir.c_str()) != 0) ||
      (options.user && !become_user(*options.user))) {
    report_and_exit(report);
  }
  if (options.parent_death_signal != 0) {  // another user forgets it
    ::prctl(PR_SET_PDEATHSIG, options.parent_death_signal);
    if (::getppid() != prepared.parent) {  // it died before the line above
      ::_exit(127);
    }
  }
  close_others_on_exec();
  ::execve(prepared.program.c_str(), prepared.argv.data(), prepared.environment.data());
  report_and_exit(report);
}

// The pipe closes at a successful exec; otherwise it carries the errno.
Result<void> await_exec(Prepared& prepared) {
  prepared.report_write.reset();
  int code = 0;
  ssize_t count = 0;
  do {
    count = ::read(prepared.report_read.get(), &code, sizeof(code));
  } while (count < 0 && errno == EINTR);
  if (count == static_cast<ssize_t>(sizeof(code))) {
    return start_error(prepared.program, code);
  }
  return {};
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

Result<std::filesystem::path> find_program(const std::string& name, const std::string& path) {
  if (name.find('/') != std::string::npos) {
    return std::filesystem::path(name);
  }
  std::size_t start = 0;
  while (!name.empty() && start <= path.size()) {
    const std::size_t end = std::min(path.find(':', start), path.size());
    const std::filesystem::path candidate = std::filesystem::path(path.substr(start, end - start)) / name;
    std::error_code code;
    if (std::filesystem::is_regular_file(candidate, code) && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    start = end + 1;
  }
  return Error{ErrorCode::kNotFound, "no program '" + name + "' in PATH (" + path + ")"};
}

Result<pid_t> spawn_child(const ChildOptions& options) {
  LUTHIER_TRY(Prepared prepared, prepare(options));
  const pid_t pid = ::_Fork();
  if (pid < 0) {
    return start_error(prepared.program, errno);
  }
  if (pid == 0) {
    if (options.new_session && ::setsid() < 0) {
      report_and_exit(prepared.report_write.get());
    }
    become_program(options, prepared);
  }
  if (auto started = await_exec(prepared); !started) {
    reap(pid);
    return std::move(started).error();
  }
  return pid;
}

Result<void> spawn_detached(const ChildOptions& given) {
  ChildOptions options = given;
  options.parent_death_signal = 0;
  LUTHIER_TRY(Prepared prepared, prepare(options));
  const pid_t pid = ::_Fork();
  if (pid < 0) {
    return start_error(prepared.program, errno);
  }
  if (pid == 0) {
    if (::setsid() < 0) {
      report_and_exit(prepared.report_write.get());
    }
    const pid_t grandchild = ::_Fork();
    if (grandchild < 0) {
      report_and_exit(prepared.report_write.get());
    }
    if (grandchild > 0) {
      ::_exit(0);
    }
    become_program(options, prepared);
  }
  auto started = await_exec(prepared);
  reap(pid);
  return started;
}

}  // namespace luthier
