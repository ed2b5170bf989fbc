// What GPUs did is put down to the attempt that had them, also over a restart of the agent.
#include "agents/run/gpu_meter.h"

#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

class FakeGpus final : public GpuReader {
 public:
  Result<GpuReading> read(int index) override {
    const std::lock_guard lock(mutex);
    const auto found = readings.find(index);
    if (found == readings.end()) {
      return Error{ErrorCode::kUnavailable, "it fell off the bus"};
    }
    return found->second;
  }
  std::mutex mutex;
  std::map<int, GpuReading> readings;
};

class GpuMeterTest : public FolderTest {
 protected:
  void look_after(std::int64_t ms) {
    clock_.advance(milliseconds(ms));
    meter_->look();
  }
  Usage end(const AttemptId& attempt) {
    Usage usage{.cpu_ms = 7};
    meter_->end(attempt, usage);
    return usage;
  }

  const AttemptId one_{RunId{"r-1"}, StepId{"one"}, 1};
  const AttemptId two_{RunId{"r-1"}, StepId{"two"}, 1};
  ManualClock clock_;
  FakeGpus gpus_;
  std::optional<GpuMeter> meter_{std::in_place, &gpus_, clock_, milliseconds{0}};
};

TEST_F(GpuMeterTest, peak_memory_and_mean_utilization_are_those_of_the_attempts_own_gpus) {
  gpus_.readings = {{0, {100, 0.5}}, {1, {50, 1.0}}, {2, {9'000, 1.0}}};
  meter_->begin(one_, {0, 1}, folder_);
  meter_->begin(two_, {2}, folder_);
  meter_->look();
  gpus_.readings[0] = {300, 0.0};
  look_after(1'000);  // 1500 busy of 2000
  gpus_.readings[0] = {10, 0.0};
  look_after(1'000);  // 1000 of 2000
  clock_.advance(milliseconds{500});
  EXPECT_EQ(end(one_),
            (Usage{.cpu_ms = 7, .gpu_ms = 3'000, .peak_gpu_memory_bytes = 350, .mean_gpu_utilization = 0.6}));
  EXPECT_EQ(end(two_).mean_gpu_utilization, 1.0);
  EXPECT_EQ(end(two_), (Usage{.cpu_ms = 7})) << "it was ended before";
}

TEST_F(GpuMeterTest, an_idle_gpu_is_told_from_one_that_does_not_tell) {
  gpus_.readings = {{0, {100, 0.0}}, {1, {100, std::nullopt}}};
  meter_->begin(one_, {0}, folder_);
  meter_->begin(two_, {1}, folder_);
  meter_->look();
  look_after(1'000);
  EXPECT_EQ(end(one_).mean_gpu_utilization, 0.0);
  EXPECT_EQ(end(two_), (Usage{.cpu_ms = 7, .peak_gpu_memory_bytes = 100}));
}

TEST_F(GpuMeterTest, a_gpu_that_falls_off_the_bus_keeps_what_was_seen_of_it) {
  gpus_.readings = {{0, {100, 1.0}}};
  meter_->begin(one_, {0}, folder_);
  meter_->look();
  look_after(1'000);
  gpus_.readings.clear();
  look_after(1'000);
  look_after(60'000);
  EXPECT_EQ(end(one_),
            (Usage{.cpu_ms = 7, .gpu_ms = 2'000, .peak_gpu_memory_bytes = 100, .mean_gpu_utilization = 1.0}));
}

TEST_F(GpuMeterTest, the_next_agent_goes_on_from_what_was_saved) {
  gpus_.readings = {{0, {100, 1.0}}};
  meter_->begin(one_, {0}, folder_);
  meter_->look();
  look_after(1'000);
  meter_.reset();
  clock_.advance(milliseconds{60'000});  // nobody looks
  gpus_.readings = {{0, {50, 0.0}}};
  meter_.emplace(&gpus_, clock_, milliseconds{0});
  meter_->begin(one_, {0}, folder_);
  meter_->look();
  look_after(1'000);
  EXPECT_EQ(end(one_),
            (Usage{.cpu_ms = 7, .gpu_ms = 1'000, .peak_gpu_memory_bytes = 100, .mean_gpu_utilization = 0.5}));
}

TEST_F(GpuMeterTest, a_spoilt_file_is_as_none) {
  put(kGpuUseFile, "{\"busy_ms\": -5, \"observed_ms\": \"x\", \"peak_memory_bytes\": 1e300}");
  gpus_.readings = {{0, {100, 1.0}}};
  meter_->begin(one_, {0}, folder_);
  meter_->look();
  look_after(1'000);
  EXPECT_EQ(end(one_).gpu_ms, 1'000);
}

TEST_F(GpuMeterTest, its_thread_looks_at_once_and_again) {
  SystemClock clock;
  gpus_.readings = {{0, {100, 1.0}}};
  GpuMeter meter(&gpus_, clock, milliseconds{5});
  meter.begin(one_, {0}, folder_);
  Usage usage;
  EXPECT_TRUE(eventually([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    meter.end(one_, usage);
    if (usage.gpu_ms == 0) {
      meter.begin(one_, {0}, folder_);
    }
    return usage.gpu_ms > 0;
  }));
  EXPECT_EQ(usage.peak_gpu_memory_bytes, 100U);
}

TEST_F(GpuMeterTest, without_a_reader_nothing_is_measured) {
  GpuMeter meter(nullptr, clock_, milliseconds{1});
  meter.begin(one_, {0}, folder_);
  Usage usage;
  meter.end(one_, usage);
  EXPECT_EQ(usage, Usage{});
}

}  // namespace
}  // namespace luthier::agents
