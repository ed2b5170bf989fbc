// Where and with how many threads this process computes.
#pragma once

#include "agents/worker/model/torch_headers.h"
#include "base/result.h"
#include "pipelines/worker_protocol/job.h"

namespace luthier::worker {

// Sets LibTorch's thread counts as the job says (a fixed number: results depend on it) and chooses the device: the
// CPU, or the first GPU when the job was given any. GPUs need libluthier_worker_cuda.so beside this program, which
// is opened here; kUnavailable, with the reason, when it cannot be.
[[nodiscard]] Result<at::Device> prepare_device(const worker_protocol::Job& job);

}  // namespace luthier::worker
