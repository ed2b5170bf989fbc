// Records of a data file for `luthier data show` and `render`, as the reader gives them.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "pipelines/data/read/reader.h"

namespace luthier::cli {

// Calls `use` for every record, or for the one that stands at `line` (0: all). kNotFound: there is none at that line.
// A record that is broken is an error when it was asked for, else handed on as a problem.
using UseRecord = std::function<Result<void>(const data::read::ReadExample& record)>;
[[nodiscard]] Result<void> for_each_record(const std::string& file, const std::string& format, std::int64_t line,
                                           const UseRecord& use);

// Text whose control characters cannot steer a terminal; line ends stay.
[[nodiscard]] std::string visible(std::string_view text);

}  // namespace luthier::cli
