// Starts the real luthier-shim for a folder of its own and talks to it as an agent would.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "agents/shim/process_tree.h"
#include "agents/shim/records.h"
#include "agents/shim/runtime_folder.h"
#include "agents/shim/unix_socket.h"
#include "base/child_process.h"
#include "base/file.h"

namespace luthier::shim {

// Generous: reached only when something hangs.
inline constexpr std::chrono::seconds kPatience{60};

inline bool eventually(const std::function<bool()>& condition) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

class ShimTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/luthier-shim-test-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    folder_ = name;
    nonce_ = std::filesystem::path(name).filename().string().substr(18) + std::to_string(::getpid());
    std::filesystem::create_directories(folder_ / "work");
  }

  void TearDown() override {
    if (shim_ > 0) {
      ::kill(shim_, SIGKILL);
      ::waitpid(shim_, nullptr, 0);
    }
    kill_leftovers(nonce_, nullptr);
    remove_runtime_folder(runtime());
    std::filesystem::remove_all(folder_);
  }

  std::filesystem::path runtime() const { return "/tmp/luthier-test-" + std::to_string(::geteuid()) + "/" + nonce_; }

  Launch launch_of(std::vector<std::string> argv) const {
    Launch launch;
    launch.argv = std::move(argv);
    launch.environment = {"PATH=/usr/bin:/bin", "GREETING=hello"};
    launch.workdir = folder_ / "work";
    launch.runtime_folder = runtime();
    launch.nonce = nonce_;
    launch.grace_ms = 200;
    return launch;
  }

  void start(const Launch& launch) {
    ASSERT_TRUE(write_file_atomically(folder_ / kLaunchFile, to_json(launch).dump()));
    ChildOptions options;
    options.argv = {std::string(LUTHIER_BIN_DIR) + "/luthier-shim", folder_.string()};
    auto pid = spawn_child(options);
    ASSERT_TRUE(pid) << pid.error().message;
    shim_ = *pid;
  }
  void start_command(const std::string& command) { start(launch_of({"/bin/sh", "-c", command})); }

  // Waits for the shim to end and returns what it recorded.
  ExitFile wait_for_exit() {
    int status = 0;
    EXPECT_TRUE(eventually([&] { return ::waitpid(shim_, &status, WNOHANG) != 0; }));
    shim_ = 0;
    auto exit = read_exit_file(folder_);
    EXPECT_TRUE(exit) << exit.error().message;
    return exit ? *exit : ExitFile{};
  }

  StartedFile wait_for_start() {
    EXPECT_TRUE(eventually([&] { return std::filesystem::exists(folder_ / kStartedFile); }));
    auto started = read_started_file(folder_);
    EXPECT_TRUE(started);
    return started ? *started : StartedFile{};
  }

  std::string log() const {
    auto text = read_file(folder_ / kSpoolLog);
    return text ? *text : std::string();
  }
  std::string messages() const {
    auto text = read_file(folder_ / kSpoolMessages);
    return text ? *text : std::string();
  }

  UniqueFd connect(const char* name) const {
    std::optional<UniqueFd> fd;
    EXPECT_TRUE(eventually([&] {
      auto connected = connect_unix(runtime() / name);
      if (connected) {
        fd = std::move(*connected);
      }
      return fd.has_value();
    }));
    return fd ? std::move(*fd) : UniqueFd();
  }

  static void say(const UniqueFd& fd, const std::string& text) {
    std::string pending = text;
    ASSERT_TRUE(eventually([&] { return send_some(fd.get(), pending) && pending.empty(); }));
  }

  // The next line from the shim that satisfies `wanted`.
  static Json next_line(const UniqueFd& fd, const std::function<bool(const Json&)>& wanted) {
    LineBuffer lines(kLineBytesMax);
    std::string buffer(1 << 16, '\0');
    Json found;
    EXPECT_TRUE(eventually([&] {
      std::size_t count = 0;
      if (read_some(fd.get(), buffer, count) == ReadState::kData) {
        lines.feed(
            std::string_view(buffer).substr(0, count),
            [&](std::string_view line) {
              const Json json = Json::parse(line, nullptr, false);
              if (found.is_null() && wanted(json)) {
                found = json;
              }
            },
            [] {});
      }
      return !found.is_null();
    }));
    return found;
  }

  std::filesystem::path folder_;
  std::string nonce_;
  pid_t shim_ = 0;
};

// A new control group (version 2) that this process may use, below its own; empty when there is none to be had.
inline std::filesystem::path delegated_group() {
  const auto mounts = read_file("/proc/self/mountinfo", 1 << 20);
  const auto groups = read_file("/proc/self/cgroup", 1 << 16);
  std::istringstream lines(mounts ? *mounts : "");
  std::istringstream entries(groups ? *groups : "");
  std::string line;
  std::string own;
  while (std::getline(entries, line)) {
    own = line.starts_with("0::/") ? line.substr(4) : own;
  }
  while (std::getline(lines, line)) {  // "ID PARENT MAJOR:MINOR ROOT MOUNT …"
    if (line.find(" - cgroup2 ") == std::string::npos) {
      continue;
    }
    std::istringstream words(line);
    std::string mount;
    for (int i = 0; i < 5; ++i) {
      words >> mount;
    }
    const std::filesystem::path group =
        std::filesystem::path(mount) / own / ("luthier-test-" + std::to_string(::getpid()));
    if (::mkdir(group.c_str(), 0755) == 0) {
      return group;
    }
  }
  return {};
}

}  // namespace luthier::shim
