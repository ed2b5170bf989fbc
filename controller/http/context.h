// Context: what the API's handlers work with. Plain references; made once, in main.
#pragma once

#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/artifacts/artifacts.h"
#include "controller/inference.h"
#include "controller/metrics.h"
#include "controller/runtime.h"
#include "controller/store/administration.h"
#include "controller/store/store.h"

namespace luthier::http {

// Everything is borrowed and must outlive stop(); all of it is thread-safe.
struct Context {
  controller::Runtime& runtime;
  store::Store& store;
  store::Administration& administration;
  controller::Metrics& metrics;
  artifacts::ArtifactStore& artifacts;
  controller::InferenceHub& inference;
  const Clock& clock;
  Log& log;
  std::filesystem::path data;  // folder whose disk is watched
  // The newest progress message of an attempt (docs/worker-protocol.md), null when there is none. Empty: no progress.
  std::function<core::Json(const AttemptId&)> progress;
  // Why the controller cannot serve right now, for /readyz; empty: nothing speaks against it.
  std::function<Result<void>()> readiness;
  // For POST /api/v1/gc: what runs that ended within the first, and uploads within the second, name is kept.
  milliseconds history_keep{90LL * 86'400'000};
  milliseconds upload_lease{86'400'000};
};

}  // namespace luthier::http
