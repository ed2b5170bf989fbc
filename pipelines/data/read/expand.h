// Expanding of gzip and zstd, behind byte_source.h.
#pragma once

#include "pipelines/data/read/byte_source.h"

namespace luthier::data::read {

[[nodiscard]] Result<std::unique_ptr<ByteSource>> expand_gzip(std::unique_ptr<ByteSource> source, std::string name,
                                                              ExpansionLimits limits);
[[nodiscard]] Result<std::unique_ptr<ByteSource>> expand_zstd(std::unique_ptr<ByteSource> source, std::string name,
                                                              ExpansionLimits limits);

}  // namespace luthier::data::read
