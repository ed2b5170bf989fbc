// libluthier_worker_cuda.so: brings LibTorch's CUDA half into luthier-worker (device.cc opens it). Linking against
// libtorch_cuda is all it takes: the kernels register themselves when the library is loaded.
#include <torch/cuda.h>

// How many GPUs this process may use; 0 when the driver is missing.
extern "C" int luthier_cuda_device_count() { return static_cast<int>(torch::cuda::device_count()); }
