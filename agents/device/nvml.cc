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
constexpr int kNvmlSuccess = 0;

struct Closer {
  void operator()(void* library) const { ::dlclose(library); }
};

// One opened and initialised library. Functions are looked up when it is opened, so that an old driver is named once.
class Nvml {
 public:
  static Result<std::unique_ptr<Nvml>> open(void* library) {
    auto nvml = std::unique_ptr<Nvml>(new Nvml);
    bool complete = true;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(::dlsym(library, name));
      complete = complete && function != nullptr;
    };
    find(nvml->initialise_, "nvmlInit_v2");
    find(nvml->shut_down_, "nvmlShutdown");
    find(nvml->count_, "nvmlDeviceGetCount_v2");
    find(nvml->handle_, "nvmlDeviceGetHandleByIndex_v2");
    find(nvml->name_, "nvmlDeviceGetName");
    find(nvml->uuid_, "nvmlDeviceGetUUID");
    find(nvml->memory_, "nvmlDeviceGetMemoryInfo");
    if (!complete) {
      return Error{ErrorCode::kUnavailable, "NVML lacks a function that is needed; the NVIDIA driver is too old"};
    }
    if (const int status = nvml->initialise_(); status != kNvmlSuccess) {
      nvml->shut_down_ = nullptr;
      return Error{ErrorCode::kUnavailable,
                   "NVML did not start (status " + std::to_string(status) + "); see nvidia-smi"};
    }
    return nvml;
  }

  ~Nvml() {
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

 private:
  Nvml() = default;

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

  int (*initialise_)() = nullptr;
  int (*shut_down_)() = nullptr;
  int (*count_)(unsigned*) = nullptr;
  int (*handle_)(unsigned, NvmlDevice*) = nullptr;
  int (*name_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*uuid_)(NvmlDevice, char*, unsigned) = nullptr;
  int (*memory_)(NvmlDevice, NvmlMemory*) = nullptr;
};

}  // namespace

Result<std::vector<Gpu>> find_gpus(const std::string& library) {
  const std::unique_ptr<void, Closer> opened(::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!opened) {
    return std::vector<Gpu>{};  // no driver
  }
  LUTHIER_TRY(const std::unique_ptr<Nvml> nvml, Nvml::open(opened.get()));
  return nvml->devices();
}

}  // namespace luthier::agents
