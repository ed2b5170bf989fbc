// The records of an attempt's folder, as an agent finds them after a crash of the machine.
#include "agents/shim/records.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  static const ScratchFolder kFolder;
  for (const char* name : {shim::kLaunchFile, shim::kShimFile, shim::kStartedFile, shim::kExitFile}) {
    (void)kFolder.write(name, bytes);
  }
  if (const auto launch = shim::read_launch(kFolder.path())) {
    LUTHIER_CHECK(!shim::to_json(*launch).empty());
  }
  if (const auto shim_file = shim::read_shim_file(kFolder.path())) {
    LUTHIER_CHECK(!shim::to_json(*shim_file).empty());
  }
  if (const auto started = shim::read_started_file(kFolder.path())) {
    LUTHIER_CHECK(!shim::to_json(*started).empty());
  }
  const auto exit = shim::read_exit_file(kFolder.path());
  LUTHIER_CHECK(exit ? !shim::to_json(*exit).empty() : !exit.error().message.empty());
}
