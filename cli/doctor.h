// `luthier doctor`: looks at this machine, this installation and the controller, and says what to do.
//
// Every check finds something out and never changes anything. The exit code is kExitFailure when one fails.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "cli/command.h"

namespace luthier::cli {

enum class Verdict { kOk, kWarn, kFail };

struct Finding {
  std::string check;  // "disk"
  Verdict verdict = Verdict::kOk;
  std::string found;   // what there is
  std::string remedy;  // what to do; empty when all is well
};

[[nodiscard]] int doctor_command(const GlobalOptions& options);

// The parts of it. `data` need not exist.
[[nodiscard]] std::vector<Finding> check_machine(const std::filesystem::path& data);
[[nodiscard]] std::vector<Finding> check_installation(const std::filesystem::path& data);
[[nodiscard]] std::vector<Finding> check_controller(const GlobalOptions& options);

}  // namespace luthier::cli
