#include "pipelines/data/source.h"

#include <algorithm>

#include "base/file.h"
#include "pipelines/text/utf8.h"

namespace luthier::data {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSourceBytesMax = std::uint64_t{1} << 30;
constexpr std::size_t kFilesMax = 10'000;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

// dataset.json beside data.jsonl speaks about the records and holds none.
bool is_dataset_facts(const fs::path& file) {
  std::error_code ignored;
  return file.filename() == "dataset.json" && fs::exists(file.parent_path() / "data.jsonl", ignored);
}

// Regular files under `root`, relative to it, in order of name.
Result<std::vector<fs::path>> list_files(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::recursive_directory_iterator entries(root, error);
  for (; !error && entries != fs::recursive_directory_iterator(); entries.increment(error)) {
    const bool hidden = entries->path().filename().native().starts_with('.');
    std::error_code status_error;
    const fs::file_status status = entries->symlink_status(status_error);
    if (hidden && fs::is_directory(status)) {
      entries.disable_recursion_pending();
    }
    if (hidden || !fs::is_regular_file(status) || is_dataset_facts(entries->path())) {
      continue;
    }
    if (files.size() == kFilesMax) {
      return wrong("the source has more than " + std::to_string(kFilesMax) + " files; join them into fewer");
    }
    files.push_back(fs::relative(entries->path(), root, status_error));
  }
  if (error) {
    return Error{ErrorCode::kNotFound, "listing the source's folder " + root.string() + ": " + error.message()};
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool is_compressed(const fs::path& file) { return file.extension() == ".gz" || file.extension() == ".zst"; }

std::optional<Format> format_of_extension(const fs::path& file) {
  std::string extension = (is_compressed(file) ? file.stem() : file).extension().string();
  for (char& c : extension) {
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  if (extension == ".ndjson") {
    return Format::kJsonLines;
  }
  return extension.empty() ? std::nullopt : format_named(std::string_view(extension).substr(1));
}

}  // namespace

std::optional<Format> format_named(std::string_view name) {
  for (const Format format :
       {Format::kCsv, Format::kTsv, Format::kJson, Format::kJsonLines, Format::kText, Format::kXlsx}) {
    if (name == name_of(format)) {
      return format;
    }
  }
  return std::nullopt;
}

std::string_view name_of(Format format) {
  switch (format) {
    case Format::kCsv: return "csv";
    case Format::kTsv: return "tsv";
    case Format::kJson: return "json";
    case Format::kJsonLines: return "jsonl";
    case Format::kText: return "txt";
    case Format::kXlsx: return "xlsx";
  }
  return "";
}

Result<void> check_encoding(std::string_view text, const std::string& file) {
  const bool utf16 = text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff");
  if (utf16 || text.substr(0, 4'096).find('\0') != std::string_view::npos) {
    return wrong(file +
                 ":1:1: this looks like UTF-16 or binary data; save it as UTF-8 text, or convert it: "
                 "iconv -f UTF-16 -t UTF-8");
  }
  const auto invalid = text::find_invalid_utf8(text);
  if (!invalid.has_value()) {
    return {};
  }
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(*invalid), '\n');
  const std::size_t before = *invalid == 0 ? std::string_view::npos : text.rfind('\n', *invalid - 1);
  const std::size_t column = before == std::string_view::npos ? *invalid + 1 : *invalid - before;
  return wrong(file + ":" + std::to_string(line) + ":" + std::to_string(column) +
               ": not UTF-8 at this byte; save the file as UTF-8, or convert it from what it is, say: "
               "iconv -f WINDOWS-1252 -t UTF-8");
}

Result<std::vector<SourceFile>> read_source(const fs::path& path, std::optional<Format> format) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(path, error);
  std::vector<fs::path> names;
  if (is_file) {
    names.push_back(path.filename());
  } else {
    LUTHIER_TRY(names, list_files(path));
  }
  if (names.empty()) {
    return wrong("the source has no files; name at least one .csv, .tsv, .json, .jsonl or .txt file");
  }
  std::vector<SourceFile> files;
  std::uint64_t bytes_left = kSourceBytesMax;
  for (const fs::path& name : names) {
    SourceFile file;
    file.name = name.string();
    const std::optional<Format> known = format.has_value() ? format : format_of_extension(name);
    if (!known.has_value()) {
      return wrong(
          file.name +
          ": the extension does not say the format; rename it to .csv, .tsv, .json, .jsonl, .txt or .xlsx, or set "
          "`format`");
    }
    file.format = *known;
    file.path = is_file ? path : path / name;
    file.streamed = file.format == Format::kXlsx || is_compressed(name);
    if (file.streamed && file.format == Format::kText) {
      return wrong(file.name + ": compressed text is not prepared; expand it first");
    }
    if (file.streamed) {
      files.push_back(std::move(file));
      continue;
    }
    LUTHIER_TRY(file.text, read_file(is_file ? path : path / name, bytes_left));
    bytes_left -= std::min<std::uint64_t>(bytes_left, file.text.size());
    LUTHIER_TRY_VOID(check_encoding(file.text, file.name));
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace luthier::data
