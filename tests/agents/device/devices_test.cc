#include "agents/device/devices.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

namespace luthier::agents {
namespace {

class DevicesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/luthier-devices-XXXXXX";
    root_ = ::mkdtemp(name);
    put("proc/meminfo", "MemTotal:       1000000 kB\nMemFree:        10 kB\n");
    put("proc/cpuinfo", "processor\t: 0\nmodel name\t: Fake CPU @ 1 GHz\n");
    put("proc/self/cgroup", "0::/a/b\n");
    options_.proc = root_ / "proc";
    options_.cgroup = root_ / "cgroup";
    options_.nvml_library = "libluthier-no-such-library.so.1";
  }
  void TearDown() override {
    std::filesystem::remove_all(root_);
    ::unsetenv("FAKE_NVML_DEVICES");
    ::unsetenv("FAKE_NVML_READINGS");
  }
  void put(const std::string& name, const std::string& text) {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::filesystem::path root_;
  DeviceOptions options_;
};

TEST_F(DevicesTest, reads_the_machine_when_no_cgroup_limits_it) {
  const Devices devices = find_devices(options_);
  EXPECT_GE(devices.cpus, 1);
  EXPECT_EQ(devices.memory_bytes, 1'024'000'000u);
  EXPECT_EQ(devices.cpu_model, "Fake CPU @ 1 GHz");
  EXPECT_THAT(devices.gpus, ::testing::IsEmpty());
  EXPECT_EQ(devices.gpu_note, "");
}

TEST_F(DevicesTest, respects_limits_of_a_group_and_of_those_above_it) {
  put("cgroup/a/b/cpu.max", "max 100000\n");
  put("cgroup/a/cpu.max", "50000 100000\n");
  put("cgroup/a/b/memory.max", "500000\n");
  put("cgroup/a/memory.max", "max\n");
  const Devices devices = find_devices(options_);
  EXPECT_EQ(devices.cpus, 0.5);
  EXPECT_EQ(devices.memory_bytes, 500'000u);
}

TEST_F(DevicesTest, respects_version_one_groups) {
  put("proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n");
  put("cgroup/cpu/x/cpu.cfs_quota_us", "25000\n");
  put("cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
  put("cgroup/memory/x/memory.limit_in_bytes", "400000\n");
  const Devices devices = find_devices(options_);
  EXPECT_EQ(devices.cpus, 0.25);
  EXPECT_EQ(devices.memory_bytes, 400'000u);
}

TEST_F(DevicesTest, offers_what_it_is_told_to) {
  options_.cpus = 12.5;
  EXPECT_EQ(find_devices(options_).cpus, 12.5);
}

TEST_F(DevicesTest, finds_gpus_through_nvml) {
  options_.nvml_library = LUTHIER_FAKE_NVML;
  const std::uint64_t bytes = std::uint64_t{80} << 30;
  EXPECT_THAT(find_devices(options_).gpus,
              ::testing::ElementsAre(Gpu{0, "Fake 9000", "GPU-0", bytes}, Gpu{1, "Fake 9000", "GPU-1", bytes}));
}

TEST_F(DevicesTest, reads_what_gpus_do_now) {
  put("readings", "1000 25\n2000 -1\n-1 50\n");
  ::setenv("FAKE_NVML_READINGS", (root_ / "readings").c_str(), 1);
  auto reader = open_gpu_reader(LUTHIER_FAKE_NVML);
  ASSERT_TRUE(reader && *reader != nullptr);
  EXPECT_EQ(*(*reader)->read(0), (GpuReading{1'000, 0.25}));
  EXPECT_EQ(*(*reader)->read(1), (GpuReading{2'000, std::nullopt}));
  EXPECT_THAT((*reader)->read(2).error().message, ::testing::HasSubstr("could not read device 2 (status 15)"));
  EXPECT_EQ(*open_gpu_reader("libluthier-no-such-library.so.1"), nullptr);
}

TEST_F(DevicesTest, says_why_there_are_no_gpus_when_nvml_fails) {
  options_.nvml_library = LUTHIER_FAKE_NVML;
  ::setenv("FAKE_NVML_DEVICES", "-1", 1);
  const Devices devices = find_devices(options_);
  EXPECT_THAT(devices.gpus, ::testing::IsEmpty());
  EXPECT_THAT(devices.gpu_note, ::testing::HasSubstr("NVML did not start"));
}

}  // namespace
}  // namespace luthier::agents
