#include "pipelines/data/read/reader.h"

#include <array>
#include <utility>

#include "pipelines/data/read/formats.h"

namespace luthier::data::read {
namespace {

constexpr std::array<std::pair<std::string_view, FileFormat>, 7> kNames{{{"jsonl", FileFormat::kJsonLines},
                                                                         {"json", FileFormat::kJson},
                                                                         {"csv", FileFormat::kCsv},
                                                                         {"tsv", FileFormat::kTsv},
                                                                         {"xlsx", FileFormat::kXlsx},
                                                                         {"txt", FileFormat::kText},
                                                                         {"ndjson", FileFormat::kJsonLines}}};

std::string lower(std::string text) {
  for (char& c : text) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return text;
}

// Whether the first value of a text of JSON ends on the line it begins on; nullopt when there is none, or it does not
// end within `head`.
struct FirstValue {
  char first = 0;
  bool one_line = false;
};
FirstValue look_at(std::string_view head) {
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) {
    return {};
  }
  FirstValue value{head[begin], true};
  const std::string_view line = head.substr(begin, head.find('\n', begin) - begin);
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (in_string) {
      i += c == '\\' ? 1 : 0;
      in_string = c != '"';
    } else {
      in_string = c == '"';
      depth += c == '{' || c == '[' ? 1 : (c == '}' || c == ']' ? -1 : 0);
    }
  }
  const bool cut = head.find('\n', begin) == std::string_view::npos && head.size() == kHeadBytes;
  value.one_line = cut || depth <= 0;
  return value;
}

// JSON and JSONL are told apart by what is there: people name either like the other.
std::unique_ptr<Reader> make_any_json_reader(std::unique_ptr<ByteSource> bytes, std::string_view head,
                                             const ReadOptions& options) {
  const std::string& name = options.name;
  const FileFormat said = *options.format;
  const FirstValue first = look_at(head);
  const bool lines = first.first == '{' && first.one_line;
  if (lines || (said == FileFormat::kJsonLines && first.first != '[' && first.first != '{')) {
    return make_json_lines_reader(std::move(bytes), name, options.rows.keep_blank);
  }
  // An object that only begins on the first line is broken JSONL as often as it is JSON: a lone bracket tells.
  const std::size_t begin = head.find_first_not_of(" \t\r\n");
  const std::string_view rest = begin == std::string_view::npos ? head : head.substr(begin + 1);
  const bool lone = rest.substr(0, rest.find('\n')).find_first_not_of(" \t\r") == std::string_view::npos;
  if (said == FileFormat::kJsonLines && first.first == '{' && !lone) {
    return make_json_lines_reader(std::move(bytes), name, options.rows.keep_blank);
  }
  std::vector<Problem> problems;
  if (said == FileFormat::kJsonLines) {
    problems.push_back({"not_json_lines", Severity::kWarning, name, 1, 0,
                        std::string("the name says one record a line, but the file holds ") +
                            (first.first == '[' ? "one JSON array" : "JSON over several lines") +
                            "; it was read as such. Name it .json, or write one record a line: jq -c " +
                            (first.first == '[' ? "'.[]' " : ". ") + name});
  }
  return make_json_reader(std::move(bytes), name, std::move(problems));
}

Result<std::unique_ptr<Reader>> open_xlsx_bytes(ByteSource& bytes, const ReadOptions& options) {
  constexpr std::size_t kBytesMax = std::size_t{64} << 20;
  std::string whole;
  std::string piece(kBatchBytes, '\0');
  while (true) {
    LUTHIER_TRY(const std::size_t got, bytes.read(piece.data(), piece.size()));
    if (got == 0) {
      break;
    }
    whole.append(piece, 0, got);
    if (whole.size() > kBytesMax) {
      return Error{ErrorCode::kResourceExhausted, options.name + ": a spreadsheet of more than 64 MiB; save it as CSV"};
    }
  }
  LUTHIER_TRY(auto archive, ZipArchive::open_bytes(std::move(whole), options.name, options.expansion));
  return make_xlsx_reader(std::move(archive), options.name, options.rows);
}

}  // namespace

std::string_view name_of(FileFormat format) {
  for (const auto& [name, known] : kNames) {
    if (known == format) {
      return name;
    }
  }
  return "";
}

std::optional<FileFormat> file_format_named(std::string_view name) {
  for (const auto& [known, format] : kNames) {
    if (known == name) {
      return format;
    }
  }
  return std::nullopt;
}

std::optional<FileFormat> file_format_of(const std::filesystem::path& path) {
  std::string extension = lower(path.extension().string());
  if (extension == ".gz" || extension == ".zst") {
    extension = lower(path.stem().extension().string());
  }
  return extension.empty() ? std::nullopt : file_format_named(std::string_view(extension).substr(1));
}

Result<std::unique_ptr<Reader>> open_reader(std::unique_ptr<ByteSource> bytes, const ReadOptions& options) {
  if (*options.format == FileFormat::kXlsx) {
    return open_xlsx_bytes(*bytes, options);
  }
  LUTHIER_TRY(bytes, expand(std::move(bytes), options.name, options.expansion));
  std::string head;
  LUTHIER_TRY(bytes, as_text(std::move(bytes), options.name, head));
  switch (*options.format) {
    case FileFormat::kJsonLines:
    case FileFormat::kJson: return make_any_json_reader(std::move(bytes), head, options);
    case FileFormat::kCsv: return make_csv_reader(std::move(bytes), options.name, ',', options.rows);
    case FileFormat::kTsv: return make_csv_reader(std::move(bytes), options.name, '\t', options.rows);
    case FileFormat::kText:
    case FileFormat::kXlsx: break;  // the latter: above
  }
  return make_text_reader(std::move(bytes), options.name, options.rows);
}

Result<std::unique_ptr<Reader>> open_reader(const std::filesystem::path& path, const ReadOptions& given) {
  ReadOptions options = given;
  options.name = options.name.empty() ? path.string() : options.name;
  if (!options.format) {
    options.format = file_format_of(path);
  }
  if (options.format == FileFormat::kXlsx) {
    LUTHIER_TRY(auto archive, ZipArchive::open(path, options.name, options.expansion));
    return make_xlsx_reader(std::move(archive), options.name, options.rows);
  }
  LUTHIER_TRY(auto bytes, open_file(path));
  if (!options.format) {
    return Error{ErrorCode::kInvalidArgument,
                 options.name +
                     ": the extension does not say the format; it must be .jsonl, .json, .csv, .tsv, .xlsx or .txt "
                     "(each but .xlsx also with .gz or .zst behind it)"};
  }
  return open_reader(std::move(bytes), options);
}

}  // namespace luthier::data::read
