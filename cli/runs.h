// `luthier runs`, `status`, `cancel` and `logs`: looking at what goes on.
#pragma once

#include <string>

#include "cli/command.h"

namespace luthier::cli {

struct RunsOptions {
  int limit = 20;
  std::string before;
  std::string status;    // empty: any
  std::string pipeline;  // empty: any
};
struct LogsOptions {
  std::string run;
  std::string step;  // empty: all steps, one after the other
  bool follow = false;
  int attempt = 0;  // 0: all
  int rank = 0;     // of a step on several nodes
};
struct ExplainOptions {
  std::string run;
  std::string step;
};

[[nodiscard]] int runs_command(const GlobalOptions& options, const RunsOptions& runs);
[[nodiscard]] int status_command(const GlobalOptions& options, const std::string& run);
[[nodiscard]] int cancel_command(const GlobalOptions& options, const std::string& run);
[[nodiscard]] int explain_command(const GlobalOptions& options, const ExplainOptions& explain);
struct DecisionOptions {
  std::string run;
  std::string step;
  std::string comment;
  bool approved = true;
};
// `luthier approve` and `luthier reject`.
[[nodiscard]] int decide_command(const GlobalOptions& options, const DecisionOptions& decision);
struct DeploymentsOptions {
  int limit = 20;
};
// `luthier deployments`: models that are served, or were.
[[nodiscard]] int deployments_command(const GlobalOptions& options, const DeploymentsOptions& given);
[[nodiscard]] int logs_command(const GlobalOptions& options, const LogsOptions& logs);

}  // namespace luthier::cli
