// Draft: data that was read, with the necessary repairs made and the recommended ones found. A person, or the settings,
// decide which of those are made; prepare.h concludes a draft. The source is never modified. Movable. Memory is
// bounded by Settings::memory_bytes; what it does not hold lies in temporary files without a name.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/facts.h"
#include "pipelines/data/records.h"
#include "pipelines/data/repeats.h"
#include "pipelines/data/report.h"
#include "pipelines/data/settings.h"
#include "pipelines/data/validators.h"

namespace luthier::data {

struct Draft {
  Settings settings;
  Task task = Task::kGeneration;
  std::unique_ptr<Records> records;
  Report report;
  std::vector<Finding> findings;  // in the legacy tool's order; none for text
  ValidatorOptions options;
  std::unique_ptr<Repeats> repeats;  // rows that findings are about
  std::optional<Facts> facts;        // once repair() is done
};

// kInvalidArgument: the data or the settings are at fault, with the place and the remedy in the message. Data from
// which nothing can be learnt is no error here: the last finding is kFatal then.
[[nodiscard]] Result<Draft> read_draft(const Settings& settings);

// Makes the repairs that `accept` says yes to, in order; asks about kRecommended findings only. kInvalidArgument when
// there is a kFatal finding.
[[nodiscard]] Result<void> repair(Draft& draft, const std::function<bool(const Finding&)>& accept);

// Whether anything was, or is to be, repaired.
[[nodiscard]] bool has_repairs(const Draft& draft);

}  // namespace luthier::data
