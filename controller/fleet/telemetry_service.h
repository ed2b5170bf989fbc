// TelemetryService: logs, metrics and progress, straight into the store, beside the state machine.
//
// Refused is what a superseded attempt sends. Logs and metrics of the newest attempt of a step are accepted also after
// the step has ended, because the tail of a log travels behind the report of the end: live attempts are known by
// Runtime::is_current, ended ones by the store's read model. Progress is accepted from live attempts only.
#pragma once

#include "controller/fleet/task_pool.h"
#include "controller/progress_board.h"
#include "controller/runtime.h"
#include "controller/store/store.h"
#include "luthier/v1/telemetry.grpc.pb.h"

namespace luthier::fleet {

class TelemetryService final : public v1::TelemetryService::CallbackService {
 public:
  static constexpr std::size_t kLogBytesMax = 1 << 20;  // in one AppendLog
  static constexpr int kPointsMax = 10'000;             // in one AppendMetrics
  static constexpr std::size_t kProgressBytesMax = 16 * 1024;

  TelemetryService(controller::Runtime& runtime, store::Store& store, controller::ProgressBoard& progress,
                   TaskPool& pool)
      : runtime_(runtime), store_(store), progress_(progress), pool_(pool) {}

  grpc::ServerUnaryReactor* AppendLog(grpc::CallbackServerContext* call, const v1::AppendLogRequest* request,
                                      v1::AppendLogResponse* response) override;
  grpc::ServerUnaryReactor* AppendMetrics(grpc::CallbackServerContext* call, const v1::AppendMetricsRequest* request,
                                          v1::AppendMetricsResponse* response) override;
  grpc::ServerUnaryReactor* ReportProgress(grpc::CallbackServerContext* call, const v1::ReportProgressRequest* request,
                                           v1::ReportProgressResponse* response) override;

 private:
  // Whether the attempt is the newest of its step. kNotFound of the store is "no", any other failure of it an Error.
  [[nodiscard]] Result<bool> is_newest(const AttemptId& attempt) const;

  controller::Runtime& runtime_;
  store::Store& store_;
  controller::ProgressBoard& progress_;
  TaskPool& pool_;
};

}  // namespace luthier::fleet
