// A libnvidia-ml.so with two devices, or as many as FAKE_NVML_DEVICES says; -1: nvmlInit fails. What they do now is in
// the file named by FAKE_NVML_READINGS: one line "USED_BYTES UTILIZATION_PERCENT" for each; -1 instead of either: that
// question fails. Without it 1 GiB is used, and nothing busy.
#include <cstdio>
#include <cstdlib>

namespace {
int device_count() {
  const char* text = std::getenv("FAKE_NVML_DEVICES");
  return text == nullptr ? 2 : std::atoi(text);
}
struct Memory {
  unsigned long long total, free, used;
};
struct Utilization {
  unsigned gpu, memory;
};

void read_device(const void* device, long long& used, long long& percent) {
  const char* path = std::getenv("FAKE_NVML_READINGS");
  std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "r");
  if (file == nullptr) {
    return;
  }
  for (auto line = reinterpret_cast<unsigned long>(device); line > 0; --line) {
    if (std::fscanf(file, "%lld %lld", &used, &percent) != 2) {
      used = percent = -1;
    }
  }
  std::fclose(file);
}
}  // namespace

extern "C" {
int nvmlInit_v2() { return device_count() < 0 ? 9 : 0; }
int nvmlShutdown() { return 0; }
int nvmlDeviceGetCount_v2(unsigned* count) {
  *count = static_cast<unsigned>(device_count());
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  *device = reinterpret_cast<void*>(static_cast<unsigned long>(index) + 1);
  return 0;
}
int nvmlDeviceGetName(void*, char* name, unsigned length) {
  std::snprintf(name, length, "Fake 9000");
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* uuid, unsigned length) {
  std::snprintf(uuid, length, "GPU-%lu", reinterpret_cast<unsigned long>(device) - 1);
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, Memory* memory) {
  constexpr unsigned long long kTotal = 80ULL << 30;
  long long used = 1LL << 30;
  long long percent = 0;
  read_device(device, used, percent);
  if (used < 0) {
    return 15;
  }
  *memory = {kTotal, kTotal - static_cast<unsigned long long>(used), static_cast<unsigned long long>(used)};
  return 0;
}
int nvmlDeviceGetUtilizationRates(void* device, Utilization* utilization) {
  long long used = 0;
  long long percent = 0;
  read_device(device, used, percent);
  if (percent < 0) {
    return 3;
  }
  *utilization = {static_cast<unsigned>(percent), 0};
  return 0;
}
}
