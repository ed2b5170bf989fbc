// Source: the files that a preparation reads, from a folder or one file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data {

struct SourceFile {
  std::string name;  // relative to the source's folder
  read::FileFormat format = read::FileFormat::kCsv;
  std::filesystem::path path;
};

// Names every file at `path` (hidden ones and links aside), in order of name. `format`: of all files; without it the
// extension decides (.csv .tsv .json .jsonl .ndjson .txt .xlsx, also with .gz or .zst). kInvalidArgument for an unknown
// extension, or no file at all.
[[nodiscard]] Result<std::vector<SourceFile>> list_source(const std::filesystem::path& path,
                                                          std::optional<read::FileFormat> format);

// Complaints name the file as SourceFile::name does.
[[nodiscard]] Result<std::unique_ptr<read::Reader>> open_source(const SourceFile& file, read::RowOptions rows);

// Whether the first record of the first file is a conversation or a preference.
[[nodiscard]] bool holds_chats(const std::vector<SourceFile>& files);

// Names of all members of a file's records, or of its columns, in order of first appearance.
[[nodiscard]] Result<std::vector<std::string>> column_names(const SourceFile& file);

}  // namespace luthier::data
