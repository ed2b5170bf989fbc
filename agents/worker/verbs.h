// The verbs of luthier-worker. Each does the whole job of one step process and gives the outputs of
// `result`, or null when it was asked to stop.
//
// Errors become the protocol's `error` by this table (error_report.h): kInvalidArgument and kNotFound: user,
// invalid_input · kDataLoss: user, invalid_data · kFailedPrecondition: user, nan_loss · kResourceExhausted:
// infrastructure, disk_full or out_of_memory · the rest: infrastructure, internal.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/log.h"
#include "base/result.h"
#include "pipelines/worker_protocol/channel.h"
#include "pipelines/worker_protocol/job.h"

namespace luthier::worker {

struct VerbContext {
  const worker_protocol::Job& job;
  worker_protocol::Channel& channel;
  Log& log;
  std::string serve_socket;  // of LUTHIER_SERVE_SOCKET; empty when it is not set
};

[[nodiscard]] Result<nlohmann::json> run_train(const VerbContext& context);
[[nodiscard]] Result<nlohmann::json> run_eval(const VerbContext& context);
// Not a step of a pipeline: `luthier models export --merge` starts it.
[[nodiscard]] Result<nlohmann::json> run_merge(const VerbContext& context);
[[nodiscard]] Result<nlohmann::json> run_serve(const VerbContext& context);

}  // namespace luthier::worker
