// Read stream: source files through the readers of pipelines/data/read, which know spreadsheets and compressed files.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/data/source.h"
#include "pipelines/data/table.h"

namespace luthier::data {

// Over the file's text, or over the file itself where it is streamed.
[[nodiscard]] Result<std::unique_ptr<read::Reader>> open_source(const SourceFile& file);

// A table of all its records; rows that are none have a `problem`. Warnings of the reader (further sheets, say) are
// appended to `advice`. kResourceExhausted above 1 GiB.
[[nodiscard]] Result<Table> read_stream(const SourceFile& file, std::vector<std::string>& advice);

}  // namespace luthier::data
