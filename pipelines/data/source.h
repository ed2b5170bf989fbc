// Source: the files that a preparation reads, from a folder or one file.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "pipelines/data/table.h"

namespace luthier::data {

struct SourceFile {
  std::string name;  // relative to the source's folder
  Format format = Format::kCsv;
  std::string text;  // UTF-8; empty for a file that is `streamed`
  std::filesystem::path path;
  bool streamed = false;  // a spreadsheet or compressed: read by the readers of pipelines/data/read
};

// Reads every file at `path` (hidden ones and links aside), in order of name. `format`: of all files; without it
// the extension decides (.csv .tsv .json .jsonl .ndjson .txt .xlsx; those but the last also with .gz or .zst).
// kInvalidArgument for an unknown extension, an encoding other than UTF-8, or no file at all; kResourceExhausted above
// 1 GiB in total.
[[nodiscard]] Result<std::vector<SourceFile>> read_source(const std::filesystem::path& path,
                                                          std::optional<Format> format);

// "csv", "tsv", "json", "jsonl", "txt"; nullopt for other names.
[[nodiscard]] std::optional<Format> format_named(std::string_view name);
[[nodiscard]] std::string_view name_of(Format format);

// What is wrong with the encoding of `text`, with its place; nothing when it is UTF-8.
[[nodiscard]] Result<void> check_encoding(std::string_view text, const std::string& file);

}  // namespace luthier::data
