// ReadFiles: all files of a source into records, in several threads, in the files' order.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/data/records.h"
#include "pipelines/data/report.h"
#include "pipelines/data/taker.h"

namespace luthier::data {

struct ReadFile {
  std::int64_t rows = 0;
  unsigned separators = ~0U;  // which of kKnownSeparators every prompt of the file ends with, a bit each
};

// Reads `reader` to its end. `make_taker` is called `threads` times (1: all batches go to one taker, in order).
// `file`: names it in the report.
[[nodiscard]] Result<ReadFile> read_records(read::Reader& reader, const std::string& file,
                                            const std::function<std::unique_ptr<Taker>()>& make_taker,
                                            std::size_t threads, Records& records, Report& report);

// As many as there are cores, where `asked` is 0.
[[nodiscard]] std::size_t threads_for(std::size_t asked);

}  // namespace luthier::data
