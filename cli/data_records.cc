#include "cli/data_records.h"

namespace luthier::cli {
namespace {

namespace read = data::read;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

}  // namespace

Result<void> for_each_record(const std::string& file, const std::string& format, std::int64_t line,
                             const UseRecord& use) {
  read::ReadOptions options;
  if (!format.empty()) {
    options.format = read::file_format_named(format);
  }
  LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, read::open_reader(file, options));
  read::ExampleStream stream(*reader, file);
  std::optional<read::ReadExample> at;  // the last record that begins at or before the line
  while (true) {
    LUTHIER_TRY(std::optional<read::ReadExample> next, stream.next());
    if (line == 0 && next) {
      LUTHIER_TRY_VOID(use(*next));
      continue;
    }
    if (!next || (line > 0 && next->example.line > line)) {
      break;
    }
    at = std::move(next);
  }
  if (line == 0) {
    return {};
  }
  if (!at) {
    return Error{ErrorCode::kNotFound, file + " has no record at line " + std::to_string(line)};
  }
  if (at->problem) {
    return wrong(read::to_string(*at->problem));
  }
  return use(*at);
}

std::string visible(std::string_view text) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) {
      out += std::string("\\x") + kDigits[byte >> 4U] + kDigits[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace luthier::cli
