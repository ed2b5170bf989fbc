#include "pipelines/data/source.h"

#include <algorithm>
#include <unordered_set>

#include "pipelines/data/element_parser.h"
#include "pipelines/text/utf8.h"

namespace luthier::data {
namespace {

namespace fs = std::filesystem;

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

// Knows names again without making a text of each.
struct NameHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view name) const { return std::hash<std::string_view>()(name); }
};

bool is_json(const SourceFile& file) {
  return file.format == read::FileFormat::kJson || file.format == read::FileFormat::kJsonLines;
}

Result<std::vector<std::string>> member_names(read::Reader& reader, const std::string& file) {
  std::vector<std::string> names;
  std::unordered_set<std::string, NameHash, std::equal_to<>> seen;
  ElementParser parser(file);
  read::Batch batch;
  while (true) {
    LUTHIER_TRY(const bool more, reader.next(batch));
    if (!more) {
      return names;
    }
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      const ParsedElement parsed = parser.parse(batch, i);
      i = parsed.last;
      if (!parsed.object) {
        continue;
      }
      for (const auto& [name, value] : *parsed.object) {
        if (!seen.contains(name)) {
          names.emplace_back(name);
          seen.emplace(name);
        }
      }
      if (names.size() > read::kColumnsMax) {
        return wrong(file + ":" + std::to_string(batch.records[i].line) +
                     ": more than 10000 different member names in one file");
      }
    }
  }
}

}  // namespace

Result<std::vector<SourceFile>> list_source(const fs::path& path, std::optional<read::FileFormat> format) {
  std::error_code error;
  const bool is_file = fs::is_regular_file(path, error);
  if (!is_file && !fs::is_directory(path, error)) {
    return Error{ErrorCode::kNotFound, path.string() + (fs::exists(path, error) ? ": neither a file nor a folder"
                                                                                : ": there is no such file")};
  }
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
  for (const fs::path& name : names) {
    const std::optional<read::FileFormat> known = format.has_value() ? format : read::file_format_of(name);
    if (!known.has_value()) {
      return wrong(
          name.string() +
          ": the extension does not say the format; rename it to .csv, .tsv, .json, .jsonl, .txt or .xlsx, or set "
          "`format`");
    }
    files.push_back({name.string(), *known, is_file ? path : path / name});
  }
  return files;
}

Result<std::unique_ptr<read::Reader>> open_source(const SourceFile& file, read::RowOptions rows) {
  read::ReadOptions options;
  options.name = file.name;
  options.format = file.format;
  options.rows = rows;
  return read::open_reader(file.path, options);
}

bool holds_chats(const std::vector<SourceFile>& files) {
  if (files.empty() || !is_json(files.front())) {
    return false;
  }
  const auto reader = open_source(files.front(), {});
  if (!reader) {
    return false;
  }
  read::ExampleStream stream(**reader, files.front().name);
  constexpr int kRecordsLookedAt = 20;  // the first ones may be broken
  for (int i = 0; i < kRecordsLookedAt; ++i) {
    const auto next = stream.next();
    if (!next || !next->has_value()) {
      return false;
    }
    const read::Json& value = (*next)->example.value;
    const read::RecordKind kind = value.is_object() ? read::kind_of(value) : read::RecordKind::kUnknown;
    if (kind != read::RecordKind::kUnknown) {
      return kind == read::RecordKind::kChat || kind == read::RecordKind::kPreference;
    }
  }
  return false;
}

Result<std::vector<std::string>> column_names(const SourceFile& file) {
  LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, open_source(file, {}));
  if (is_json(file)) {
    return member_names(*reader, file.name);
  }
  read::Batch batch;
  LUTHIER_TRY(const bool any, reader->next(batch));
  if (file.format == read::FileFormat::kText) {
    return std::vector<std::string>{"text"};
  }
  for (const read::Problem& problem : batch.problems) {
    if (any && problem.code == "header" && problem.severity == read::Severity::kError) {
      return wrong(file.name + ":" + std::to_string(problem.line) + ": " + problem.message);
    }
  }
  std::vector<std::string> columns = reader->columns();
  for (const std::string& column : columns) {
    if (text::find_invalid_utf8(column)) {
      return wrong(file.name +
                   ":1: the names of columns are not UTF-8; save the file as UTF-8, or convert it from what "
                   "it is, say: iconv -f WINDOWS-1252 -t UTF-8");
    }
  }
  return columns;
}

}  // namespace luthier::data
