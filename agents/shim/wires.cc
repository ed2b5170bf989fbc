#include "agents/shim/wires.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "agents/shim/lock.h"
#include "agents/shim/runtime_folder.h"

namespace luthier::shim {
namespace {

Error system_error(const std::string& what) { return Error{ErrorCode::kInternal, what + ": " + std::strerror(errno)}; }

Result<UniqueFd> take_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
    ::sigaddset(&set, number);
  }
  ::signal(SIGPIPE, SIG_IGN);
  UniqueFd fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd.valid() || ::sigprocmask(SIG_BLOCK, &set, nullptr) != 0 || ::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
    return system_error("cannot take signals");
  }
  return fd;
}

}  // namespace

Result<UniqueFd> take_lock(const std::filesystem::path& folder) {
  LUTHIER_TRY(UniqueFd fd, take_attempt_lock(folder));
  for (const char* name : {kStartedFile, kExitFile}) {
    if (std::filesystem::exists(folder / name)) {
      return Error{ErrorCode::kFailedPrecondition, folder.string() + " was started before; an attempt runs once"};
    }
  }
  return fd;
}

Result<Wires> make_wires(const Launch& launch) {
  LUTHIER_TRY(UniqueFd signals, take_signals());
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return system_error("cannot make a pipe");
  }
  UniqueFd output(ends[0]);
  UniqueFd output_write(ends[1]);
  ::fcntl(output.get(), F_SETFL, O_NONBLOCK);
  ::fcntl(output.get(), F_SETPIPE_SZ, 1 << 20);  // fewer wake-ups; the default works too
  LUTHIER_TRY_VOID(make_runtime_folder(launch.runtime_folder));
  LUTHIER_TRY(UniqueFd control, listen_unix(launch.runtime_folder / kControlSocket));
  LUTHIER_TRY(UniqueFd worker, listen_unix(launch.runtime_folder / kWorkerSocket));
  if (launch.user) {
    LUTHIER_TRY_VOID(open_runtime_folder(launch.runtime_folder, *launch.user));
    if (::fchown(output_write.get(), launch.user->uid, launch.user->gid) != 0) {  // /dev/stdout opens it anew
      return system_error("cannot give the output pipe away");
    }
  }
  return Wires{std::move(signals), std::move(output), std::move(output_write),
               Connections(std::move(control), 1 << 16, 8), Connections(std::move(worker), kLineBytesMax, 16)};
}

}  // namespace luthier::shim
