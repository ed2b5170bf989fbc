// The streaming readers: the first byte chooses the format, the second how many bytes come at once. The records and
// problems must not hang on the latter, and must have places in order.
#include "pipelines/data/read/reader.h"
#include "tests/fuzz/fuzz.h"
#include "tests/pipelines/data/read/read_all.h"

namespace reading = luthier::data::read;

void luthier::fuzz::one_input(std::string_view bytes) {
  if (bytes.size() < 2) {
    return;
  }
  using FileFormat = reading::FileFormat;
  constexpr std::array<FileFormat, 6> kFormats{FileFormat::kJsonLines, FileFormat::kJson, FileFormat::kCsv,
                                               FileFormat::kTsv,       FileFormat::kText, FileFormat::kXlsx};
  const FileFormat format = kFormats[static_cast<unsigned char>(bytes[0]) % kFormats.size()];
  const std::size_t chunk = static_cast<unsigned char>(bytes[1]);
  const reading::ExpansionLimits limits{.bytes_max = 1U << 20};
  const std::string content(bytes.substr(2));
  const reading::ReadAll whole = reading::read_all(content, format, 0, limits);
  const reading::ReadAll pieces = reading::read_all(content, format, chunk, limits);
  LUTHIER_CHECK(whole.records == pieces.records);
  LUTHIER_CHECK(whole.problems == pieces.problems);
  LUTHIER_CHECK(whole.error == pieces.error);
  long line = 0;
  for (const std::string& record : whole.records) {
    const long at = std::stol(record);
    LUTHIER_CHECK(at >= line);
    line = at;
  }
}
