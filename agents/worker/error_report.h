// From an Error to what the protocol's `error` message says.
#pragma once

#include <string>

#include "base/result.h"
#include "pipelines/worker_protocol/channel.h"

namespace luthier::worker {

struct ErrorReport {
  worker_protocol::FailureClass failure_class = worker_protocol::FailureClass::kInfrastructure;
  std::string code;
};

// By the table in verbs.h.
[[nodiscard]] ErrorReport report_of(const Error& error);

// What a LibTorch exception or std::bad_alloc means; call inside a catch block. Running out of memory is
// kResourceExhausted, anything else kInternal.
[[nodiscard]] Error error_of_current_exception();

}  // namespace luthier::worker
