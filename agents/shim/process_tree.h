// Finding and killing processes by what /proc says of them. Linux only.
//
// A pid alone is never trusted: before a signal is sent, the process's start time (or the nonce in its environment)
// is compared, so that a reused pid is never signalled.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "agents/shim/records.h"
#include "base/result.h"

namespace luthier::shim {

// Of this boot of the machine.
[[nodiscard]] std::string read_boot_id();

// kNotFound when there is no such process.
[[nodiscard]] Result<ProcessIdentity> identify(pid_t pid);

// Whether exactly this process still runs (a zombie does not).
[[nodiscard]] bool is_running(const ProcessIdentity& identity);

// Every process below `root`, at any depth, `root` left out; zombies left out.
[[nodiscard]] std::vector<pid_t> descendants_of(pid_t root);

// Sends SIGKILL to every descendant of the calling process and reaps what died. Returns whether none is left.
// Complete only if the caller is a child subreaper; call it again until it is true.
[[nodiscard]] bool kill_and_reap_descendants();

// Sends SIGKILL to every process of this user that carries `nonce` as LUTHIER_ATTEMPT_NONCE in its environment, or
// belongs to the session that `session_leader` (of this boot) led. Returns how many were signalled. For use after
// a shim died without cleaning up.
std::size_t kill_leftovers(const std::string& nonce, const ProcessIdentity* session_leader);

}  // namespace luthier::shim
