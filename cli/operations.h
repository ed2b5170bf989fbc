// Commands for whoever runs Luthier: events, completion, man.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>

#include "cli/command.h"

namespace luthier::cli {

// Adds them to `app`; a command that the arguments choose is put into `chosen`. All are borrowed until it has run.
void add_operations_commands(CLI::App& app, const GlobalOptions& global, std::function<int()>& chosen);

struct EventsOptions {
  std::string run;         // empty: of everything
  std::int64_t after = 0;  // sequence of the last event already known
  bool follow = false;
};

// Prints events, one line each; with -o json one JSON object a line. Following survives a restart of the controller.
[[nodiscard]] int events_command(const GlobalOptions& options, const EventsOptions& events);

}  // namespace luthier::cli
