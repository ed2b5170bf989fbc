#include <dlfcn.h>

#include <array>
#include <memory>

#include "agents/device/devices.h"

namespace luthier::agents {
namespace {

// The part of NVML's binary interface that is used here, as its documentation gives it.
using NvmlDevice = struct NvmlDeviceHandle*;
struct NvmlMemory {
  unsigned long long total = 0;
  unsigned long long free = 0;
  unsigned long long used = 0;
};
struct NvmlUtilization {  // in percent
  unsigned gpu = 0;
  unsigned memory = 0;
};
constexpr int kNvmlSuccess = 0;

struct Closer {
  void operator()(void* library) const { ::dlclose(library); }
};
using Library = std::unique_ptr<void, Closer>;

// One opened and initialised library. Functions are looked up when it is opened, so that an old driver is named once.
class Nvml final : public GpuReader {
 public:
  // nullptr without the library.
  static Result<std::unique_ptr<Nvml>> open(const std::string& name) {
    auto nvml = std::unique_ptr<Nvml>(new Nvml);
    nvml->library_.reset(::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL));
    if (!nvml->library_) {
      return std::unique_ptr<Nvml>{};  // no driver
    }
    LUTHIER_TRY_VOID(nvml->start());
    return nvml;
  }

  ~Nvml() override {
    if (shut_down_ != nullptr) {
      shut_down_();
    }
  }
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;

  Result<std::vector<Gpu>> devices() {
    unsigned count = 0;
    if (const int status = count_(&count); status != kNvmlSuccess) {
      return failure("count the devices", status);
    }
    std::vector<Gpu> gpus;
    for (unsigned index = 0; index < count; ++index) {
      LUTHIER_TRY(Gpu gpu, device(index));
      gpus.push_back(std::move(gpu));
    }
    return gpus;
  }

  Result<GpuReading> read(int index) override {
    NvmlDevice device = nullptr;
    NvmlMemory memory;
    int status = handle_(static_cast<unsigned>(index), &device);
    if (status == kNvmlSuccess) {
      status = memory_(device, &memory);
    }
    if (status != kNvmlSuccess) {
      return failure("read device " + std::to_string(index), status);
    }
    GpuReading reading{.memory_used_bytes = memory.used, .utilization = {}};
    NvmlUtilization busy;
    if (utilization_ != nullptr && utilization_(device, &busy) == kNvmlSuccess) {
      reading.utilization = static_cast<double>(busy.gpu) / 100;
    }
    return reading;
  }

 private:
  Nvml() = default;

  Result<void> start() {
    bool complete = true;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library_.get(), name));
      complete = complete && function != nullptr;
    };
    find(utilization_, "nvmlDeviceGetUtilizationRates");
    complete = true;  // one that does without
    find(initialise_, "nvmlInit_v2");
    find(shut_down_, "nvmlShutdown");
    find(count_, "nvmlDeviceGetCount_v2");
    find(handle_, "nvmlDeviceGetHandleByIndex_v2");
    find(name_, "nvmlDeviceGetName");
    find(uuid_, "nvmlDeviceGetUUID");
    find(memory_, "nvmlDeviceGetMemoryInfo");
    if (!complete) {
      shut_down_ = nullptr;
      return Error{ErrorCode::kUnavailable, "NVML lacks a function that is needed; the NVIDIA driver is too old"};
    }
    if (const int status = initialise_(); status != kNvmlSuccess) {
      shut_down_ = nullptr;
      return Error{ErrorCode::kUnavailable,
                   "NVML did not start (status " + std::to_string(status) + "); see nvidia-smi"};
    }
    return {};
  }

  Result<Gpu> device(unsigned index) {
    NvmlDevice device = nullptr;
    std::array<char, 97> name{};
    std::array<char, 97> uuid{};
    NvmlMemory memory;
    int status = handle_(index, &device);
    if (status == kNvmlSuccess) {
      status = name_(device, name.data(), static_cast<unsigned>(name.size() - 1));
    }
    if (status == kNvmlSuccess) {
      status = uuid_(device, uuid.data(), static_cast<unsigned>(uuid.size() - 1));
    }
    if (status == kNvmlSuccess) {
      status = memory_(device, &memory);
    }
    if (status != kNvmlSuccess) {
      return failure("read device " + std::to_string(index), status);
    }
    return Gpu{static_cast<int>(index), name.data(), uuid.data(), memory.total};
  }

  static Error failure(const std::string& what, int status) {
    return Error{ErrorCode::kUnavailable,
                 "NVML could not " + what + " (status " + std::to_string(status) + "); see nvidia-smi"};
  }

  Library library_;
  int (*initialise_)() = nullptr;
  int (*shut_down_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, NvmlDevice*) = nullptr;
  int (*name_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
  int (*utilization_)(NvmlDevice, NvmlUtilization*) = nullptr;
};

}  // namespace

Result<std::vector<Gpu>> find_gpus(const std::string& library) {
  LUTHIER_TRY(const std::unique_ptr<Nvml> nvml, Nvml::open(library));
  return nvml ? nvml->devices() : std::vector<Gpu>{};
}

Result<std::unique_ptr<GpuReader>> open_gpu_reader(const std::string& library) {
  LUTHIER_TRY(std::unique_ptr<Nvml> nvml, Nvml::open(library));
  return std::unique_ptr<GpuReader>(std::move(nvml));
}

}  // namespace luthier::agents
