#include "cli/merge.h"

#include <nlohmann/json.hpp>

#include "cli/step_program.h"

namespace luthier::cli {

namespace fs = std::filesystem;
using Json = nlohmann::json;

Result<fs::path> find_worker() {
  Result<fs::path> worker = find_beside("luthier-worker");
  if (!worker) {
    return Error{ErrorCode::kFailedPrecondition,
                 "--merge needs luthier-worker beside this program, and " + worker.error().message +
                     "; build it (LUTHIER_WORKER=ON), or export without --merge and merge with PEFT"};
  }
  return worker;
}

Result<void> merge_parts(const fs::path& worker, const fs::path& parts, const fs::path& folder) {
  const auto part = [&](const char* name, const char* kind) {
    return Json{{"$path", fs::absolute(parts / name).string()}, {"kind", kind}};
  };
  const Json with{{"model", {{"base", part("base", "model")}, {"adapter", part("adapter", "adapter")}}}};
  if (auto done = run_step_program(worker, "merge", with, parts); !done) {
    return std::move(done.error()).with("luthier-worker could not merge");
  }
  std::error_code failure;
  for (const fs::directory_entry& entry : fs::directory_iterator(parts / "merged", failure)) {
    fs::rename(entry.path(), folder / entry.path().filename(), failure);
    if (failure) {
      return Error{ErrorCode::kInternal, "moving " + entry.path().string() + ": " + failure.message()};
    }
  }
  fs::remove_all(parts, failure);
  return {};
}

}  // namespace luthier::cli
