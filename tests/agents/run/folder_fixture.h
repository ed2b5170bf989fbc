// A folder of its own for each test, removed afterwards.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "base/file.h"

namespace luthier::agents {

class FolderTest : public ::testing::Test {
 protected:
  FolderTest() {
    char name[] = "/tmp/luthier-run-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~FolderTest() override {
    std::error_code code;
    std::filesystem::remove_all(folder_, code);
  }
  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream(folder_ / name, std::ios::binary) << text;
  }
  static std::string get(const std::filesystem::path& path) {
    auto text = read_file(path);
    return text ? *text : "(no file)";
  }
  // Patience is long: it ends only a test that hangs.
  static bool eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > end) {
        return false;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }
  std::filesystem::path folder_;
};

}  // namespace luthier::agents
