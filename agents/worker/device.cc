#include "agents/worker/device.h"

#include <dlfcn.h>

#include <filesystem>
#include <string>

namespace luthier::worker {
namespace {

// Opened for its static initialisers, which register LibTorch's CUDA kernels; it stays open until exit.
Result<int> open_cuda_plugin() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto path = program.parent_path() / "libluthier_worker_cuda.so";
  void* plugin = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
  if (plugin == nullptr) {
    return Error{ErrorCode::kUnavailable, std::string("the step was given GPUs, but the CUDA plugin cannot be "
                                                      "loaded on this machine: ") +
                                              ::dlerror()};
  }
  using CountDevices = int (*)();
  const auto count = reinterpret_cast<CountDevices>(::dlsym(plugin, "luthier_cuda_device_count"));
  if (count == nullptr) {
    return Error{ErrorCode::kUnavailable, path.string() + " is not the CUDA plugin of this version"};
  }
  return count();
}

}  // namespace

Result<at::Device> prepare_device(const worker_protocol::Job& job) {
  at::set_num_threads(job.threads);
  at::set_num_interop_threads(1);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
  if (job.gpus.empty()) {
    return at::Device(at::kCPU);
  }
  LUTHIER_TRY(const int count, open_cuda_plugin());
  if (count < 1) {
    return Error{ErrorCode::kUnavailable,
                 "the step was given GPUs, but the CUDA driver sees none: check CUDA_VISIBLE_DEVICES and the driver"};
  }
  return at::Device(at::kCUDA, 0);
}

}  // namespace luthier::worker
