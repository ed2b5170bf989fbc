// What a preparation gives, in memory, for tests.
#pragma once

#include <vector>

#include "base/check.h"
#include "pipelines/data/draft.h"
#include "pipelines/data/prepare.h"

namespace luthier::data {

inline std::vector<Record> records_of(const Prepared& prepared, const Part& part) {
  std::vector<Record> records;
  const auto read = for_each_record(prepared, part, [&](const Record& record) -> Result<void> {
    records.push_back(record);
    return {};
  });
  LUTHIER_CHECK(read.has_value());
  return records;
}

// Those of a draft whose repairs are made.
inline std::vector<Record> records_of(Draft& draft) {
  std::vector<Record> records;
  const auto read = draft.records->for_each(draft.report, [&](std::uint64_t, const Record& record) -> Result<void> {
    records.push_back(record);
    return {};
  });
  LUTHIER_CHECK(read.has_value());
  return records;
}

}  // namespace luthier::data
