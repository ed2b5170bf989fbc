#include "agents/run/gpu_meter.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "base/file.h"

namespace luthier::agents {
namespace {

constexpr std::int64_t kSaveIntervalMs = 10'000;

double number_of(const Json& json, const char* name) {
  const Json value = json.is_object() ? json.value(name, Json()) : Json();
  return value.is_number() ? std::max(0.0, value.get<double>()) : 0;
}

GpuUse load(const std::filesystem::path& folder) {
  const auto text = read_file(folder / kGpuUseFile, 1 << 12);
  const Json json = text ? Json::parse(*text, nullptr, false) : Json();
  constexpr double kBytesMax = 1e18;
  return {.peak_memory_bytes = static_cast<std::uint64_t>(std::min(number_of(json, "peak_memory_bytes"), kBytesMax)),
          .busy_ms = number_of(json, "busy_ms"),
          .observed_ms = number_of(json, "observed_ms")};
}

}  // namespace

GpuMeter::GpuMeter(GpuReader* reader, const Clock& clock, milliseconds interval) : reader_(reader), clock_(clock) {
  if (reader_ != nullptr && interval.count() > 0) {
    thread_ = std::thread([this, interval] { run(interval); });
  }
}

GpuMeter::~GpuMeter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
  for (auto& [attempt, measured] : measured_) {
    pass_time(measured, clock_.now().monotonic_ms);
    save(measured);
  }
}

void GpuMeter::begin(const AttemptId& attempt, const std::vector<int>& gpus, const std::filesystem::path& folder) {
  if (reader_ == nullptr || gpus.empty()) {
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    measured_[attempt] = Measured{gpus, folder, load(folder), {}, clock_.now().monotonic_ms};
    begun_ = true;  // looked at without delay: steps may be short
  }
  changed_.notify_all();
}

void GpuMeter::end(const AttemptId& attempt, Usage& usage) {
  const std::lock_guard lock(mutex_);
  const auto found = measured_.find(attempt);
  if (found == measured_.end()) {
    return;
  }
  pass_time(found->second, clock_.now().monotonic_ms);
  const GpuUse use = found->second.use;
  measured_.erase(found);
  usage.peak_gpu_memory_bytes = use.peak_memory_bytes;
  if (use.observed_ms > 0) {
    usage.gpu_ms = std::llround(use.busy_ms);
    usage.mean_gpu_utilization = std::min(1.0, use.busy_ms / use.observed_ms);
  }
}

void GpuMeter::look() {
  std::set<int> wanted;
  {
    const std::lock_guard lock(mutex_);
    begun_ = false;
    for (const auto& [attempt, measured] : measured_) {
      wanted.insert(measured.gpus.begin(), measured.gpus.end());
    }
  }
  std::map<int, GpuReading> readings;  // a device that does not answer is left out of this look
  for (const int gpu : wanted) {
    if (auto reading = reader_->read(gpu)) {
      readings.emplace(gpu, *reading);
    }
  }
  const std::lock_guard lock(mutex_);
  const std::int64_t now_ms = clock_.now().monotonic_ms;
  const bool must_save = now_ms >= saved_ms_ + kSaveIntervalMs;
  for (auto& [attempt, measured] : measured_) {
    pass_time(measured, now_ms);
    std::uint64_t memory_bytes = 0;
    measured.utilizations.clear();
    for (const int gpu : measured.gpus) {
      const auto found = readings.find(gpu);
      memory_bytes += found == readings.end() ? 0 : found->second.memory_used_bytes;
      if (found != readings.end() && found->second.utilization) {
        measured.utilizations.push_back(*found->second.utilization);
      }
    }
    measured.use.peak_memory_bytes = std::max(measured.use.peak_memory_bytes, memory_bytes);
    if (must_save) {
      save(measured);
    }
  }
  saved_ms_ = must_save ? now_ms : saved_ms_;
}

// What was seen at the last look is taken to have held until now.
void GpuMeter::pass_time(Measured& measured, std::int64_t now_ms) const {
  const auto passed_ms = static_cast<double>(std::max<std::int64_t>(0, now_ms - measured.looked_ms));
  measured.looked_ms = now_ms;
  measured.use.busy_ms += passed_ms * std::accumulate(measured.utilizations.begin(), measured.utilizations.end(), 0.0);
  measured.use.observed_ms += passed_ms * static_cast<double>(measured.utilizations.size());
}

void GpuMeter::save(const Measured& measured) {
  const Json json{{"peak_memory_bytes", measured.use.peak_memory_bytes},
                  {"busy_ms", measured.use.busy_ms},
                  {"observed_ms", measured.use.observed_ms}};
  // Only figures for people: when it cannot be written, the next agent's begin later.
  static_cast<void>(replace_file(measured.folder / kGpuUseFile, json.dump(), 0600));
}

void GpuMeter::run(milliseconds interval) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return stopping_ || !measured_.empty(); });
    if (stopping_) {
      return;
    }
    lock.unlock();
    look();
    lock.lock();
    changed_.wait_for(lock, interval, [this] { return stopping_ || begun_; });
  }
}

}  // namespace luthier::agents
