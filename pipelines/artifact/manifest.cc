#include "pipelines/artifact/manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/digest/digest.h"

namespace luthier::artifact {
namespace {

constexpr std::size_t kFilesMax = 100'000;

Error bad(const std::string& what) { return Error{ErrorCode::kInvalidArgument, "manifest: " + what}; }

Result<FileEntry> entry_from_json(const nlohmann::json& json) {
  const bool marked = json.is_object() && json.contains("executable");
  if (!json.is_object() || json.size() != (marked ? 4 : 3) || !json.contains("path") || !json["path"].is_string() ||
      !json.contains("digest") || !json["digest"].is_string() || !json.contains("bytes") ||
      !json["bytes"].is_number_unsigned()) {
    return bad("each file must be {path: text, digest: text, bytes: number}");
  }
  if (marked && json["executable"] != true) {
    return bad("'executable' is true or absent");
  }
  FileEntry entry{json["path"].get<std::string>(), json["digest"].get<std::string>(),
                  json["bytes"].get<std::uint64_t>(), marked};
  if (!is_safe_path(entry.path)) {
    return bad("unsafe path '" + entry.path + "'");
  }
  if (!is_sha256_digest(entry.digest)) {
    return bad("'" + entry.digest + "' of " + entry.path + " is not sha256: and 64 hex digits");
  }
  return entry;
}

Result<FileEntry> hash_file(const std::filesystem::path& file, const std::string& name) {
  if (!is_safe_path(name)) {
    return Error{ErrorCode::kInvalidArgument, "file name not allowed in an artifact: " + file.string()};
  }
  LUTHIER_TRY(std::string digest, sha256_digest_of_file(file));
  std::error_code code;
  const std::uintmax_t bytes = std::filesystem::file_size(file, code);
  if (code) {
    return Error{ErrorCode::kInternal, "cannot size " + file.string() + ": " + code.message()};
  }
  const bool executable = (std::filesystem::status(file, code).permissions() & std::filesystem::perms::owner_exec) !=
                          std::filesystem::perms::none;
  return FileEntry{name, std::move(digest), bytes, executable};
}

}  // namespace

bool is_safe_path(std::string_view path) {
  if (path.empty() || path.size() > 1024 || path.front() == '/' || path.back() == '/') {
    return false;
  }
  for (const char character : path) {
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f || character == '\\') {
      return false;
    }
  }
  std::size_t start = 0;
  while (start <= path.size()) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    const std::string_view part = path.substr(start, end - start);
    if (part.empty() || part == "." || part == "..") {
      return false;
    }
    start = end + 1;
  }
  return true;
}

std::string manifest_to_json(const Manifest& manifest) {
  std::vector<FileEntry> files = manifest.files;
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  nlohmann::json json{{"kind", manifest.kind}, {"files", nlohmann::json::array()}};
  for (const FileEntry& file : files) {
    json["files"].push_back({{"path", file.path}, {"digest", file.digest}, {"bytes", file.bytes}});
    if (file.executable) {
      json["files"].back()["executable"] = true;
    }
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Result<Manifest> manifest_from_json(std::string_view text) {
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("kind") || !json["kind"].is_string() || !json.contains("files") ||
      !json["files"].is_array()) {
    return bad("must be {kind: text, files: [...]}");
  }
  if (json["files"].empty() || json["files"].size() > kFilesMax) {
    return bad("must have 1 to " + std::to_string(kFilesMax) + " files");
  }
  Manifest manifest{json["kind"].get<std::string>(), {}};
  std::set<std::string> seen;
  for (const nlohmann::json& file : json["files"]) {
    LUTHIER_TRY(FileEntry entry, entry_from_json(file));
    if (!seen.insert(entry.path).second) {
      return bad("path '" + entry.path + "' appears twice");
    }
    manifest.files.push_back(std::move(entry));
  }
  std::sort(manifest.files.begin(), manifest.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return manifest;
}

std::string manifest_digest(const Manifest& manifest) { return sha256_digest(manifest_to_json(manifest)); }

Result<Manifest> manifest_of_folder(const std::filesystem::path& folder, const std::string& kind) {
  namespace fs = std::filesystem;
  Manifest manifest{kind, {}};
  std::error_code code;
  if (fs::is_regular_file(folder, code)) {
    LUTHIER_TRY(FileEntry entry, hash_file(folder, folder.filename().string()));
    manifest.files.push_back(std::move(entry));
    return manifest;
  }
  if (!fs::is_directory(folder, code)) {
    return Error{ErrorCode::kNotFound, "no file or folder " + folder.string()};
  }
  for (auto it = fs::recursive_directory_iterator(folder, code); !code && it != fs::recursive_directory_iterator();
       it.increment(code)) {
    const fs::file_status status = it->symlink_status(code);
    if (fs::is_directory(status)) {
      continue;
    }
    if (!fs::is_regular_file(status)) {
      return Error{ErrorCode::kInvalidArgument,
                   it->path().string() + " is not a regular file; artifacts hold regular files only"};
    }
    LUTHIER_TRY(FileEntry entry, hash_file(it->path(), it->path().lexically_relative(folder).generic_string()));
    manifest.files.push_back(std::move(entry));
    if (manifest.files.size() > kFilesMax) {
      return Error{ErrorCode::kResourceExhausted, folder.string() + " has more than 100000 files"};
    }
  }
  if (code) {
    return Error{ErrorCode::kInternal, "cannot read folder " + folder.string() + ": " + code.message()};
  }
  if (manifest.files.empty()) {
    return Error{ErrorCode::kInvalidArgument, folder.string() + " holds no files"};
  }
  std::sort(manifest.files.begin(), manifest.files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return manifest;
}

}  // namespace luthier::artifact
