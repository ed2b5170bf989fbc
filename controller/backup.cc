#include "controller/backup.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/clock.h"
#include "base/digest/digest.h"
#include "base/file.h"
#include "base/unique_fd.h"
#include "controller/backup_files.h"
#include "controller/store/open_journal.h"
#include "controller/store/sqlite.h"
#include "controller/store/store.h"

namespace luthier::controller {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr const char* kManifest = "backup.json";
constexpr int kFormat = 1;

std::string summary_of(const std::string& what, const BackupReport& report) {
  return what + ": " + std::to_string(report.files) + " files, " + std::to_string(report.bytes) + " bytes, " +
         std::to_string(report.records) + " journal records";
}

// The newest record of a database that is not open elsewhere.
Result<std::uint64_t> journal_records(const fs::path& database) {
  LUTHIER_TRY(const auto opened, store::Database::open(database, store::Database::Access::kReadWrite));
  LUTHIER_TRY(const auto newest,
              opened->query_integer("SELECT max(coalesce((SELECT max(record_index) FROM journal), 0), "
                                    "coalesce((SELECT max(last_index) FROM archives), 0))"));
  return static_cast<std::uint64_t>(newest.value_or(0));
}

// SQLite leaves no -wal and -shm behind when the last connection closes.
Result<void> copy_database(const fs::path& from, const fs::path& to) {
  const fs::path partial = to.string() + ".partial";
  std::error_code ignored;
  for (const char* suffix : {"", "-wal", "-shm"}) {
    fs::remove(partial.string() + suffix, ignored);
  }
  {
    LUTHIER_TRY(const auto database, store::Database::open(from, store::Database::Access::kReadOnly));
    LUTHIER_TRY_VOID(database->copy_to(partial));
  }
  std::error_code bad;
  fs::rename(partial, to, bad);
  if (bad) {
    return Error{ErrorCode::kInternal, "cannot rename to " + to.string() + ": " + bad.message()};
  }
  return sync_folder(to.parent_path());
}

// The files that make a data folder besides the databases, by path below it. Agents, logs and sockets are not part of
// it.
Result<std::vector<fs::path>> files_of(const fs::path& data) {
  std::vector<fs::path> files;
  std::error_code bad;
  for (const auto& entry : fs::directory_iterator(data, bad)) {
    if (entry.is_regular_file() && entry.path().extension() == ".key") {
      files.push_back(entry.path().filename());
    }
  }
  for (const char* folder : {"archive", "artifacts/blobs", "artifacts/manifests"}) {
    if (!fs::exists(data / folder)) {
      continue;
    }
    for (fs::recursive_directory_iterator file(data / folder, bad), end; !bad && file != end; file.increment(bad)) {
      const bool partial = file->path().filename().string().find(".tmp") != std::string::npos;
      if (file->is_regular_file() && !partial) {
        files.push_back(file->path().lexically_relative(data));
      }
    }
  }
  if (bad) {
    return Error{ErrorCode::kInternal, "cannot list " + data.string() + ": " + bad.message()};
  }
  std::sort(files.begin(), files.end());
  return files;
}

Result<Json> read_manifest(const fs::path& source) {
  const auto text = read_file(source / kManifest);
  if (!text) {
    return Error{ErrorCode::kFailedPrecondition, source.string() + " is not a complete backup: it has no " + kManifest +
                                                     "; run `luthier backup` to it again, or choose another"};
  }
  const Json manifest = Json::parse(*text, nullptr, false);
  const bool readable = manifest.is_object() && manifest.value("format", Json()) == kFormat &&
                        manifest.contains("files") && manifest["files"].is_array();
  if (!readable) {
    return Error{ErrorCode::kDataLoss,
                 (source / kManifest).string() + " is damaged, or of another format than " + std::to_string(kFormat)};
  }
  return manifest;
}

struct Listed {
  std::string path;
  std::string digest;
  std::uint64_t bytes = 0;
};

Result<std::vector<Listed>> listed_files(const Json& manifest) {
  std::vector<Listed> files;
  for (const Json& file : manifest["files"]) {
    const bool readable = file.is_array() && file.size() == 3 && file[0].is_string() && file[1].is_string() &&
                          file[2].is_number_unsigned();
    const fs::path path = readable ? fs::path(file[0].get<std::string>()) : fs::path();
    const bool inside = !path.empty() && path.is_relative() && path == path.lexically_normal() && *path.begin() != "..";
    if (!inside) {
      return Error{ErrorCode::kDataLoss, std::string(kManifest) + " is damaged: " + file.dump().substr(0, 200)};
    }
    files.push_back({path.string(), file[1].get<std::string>(), file[2].get<std::uint64_t>()});
  }
  return files;
}

Result<void> check_empty(const fs::path& data) {
  std::error_code bad;
  const bool exists = fs::exists(data, bad);
  if (exists && (!fs::is_directory(data, bad) || !fs::is_empty(data, bad))) {
    return Error{ErrorCode::kFailedPrecondition,
                 data.string() + " is not empty; a backup is restored to a new folder only"};
  }
  return {};
}

// The journal's chain and the artifacts: what digests of single files cannot say.
Result<std::uint64_t> verify(const fs::path& folder) {
  {
    LUTHIER_TRY(const auto database, store::Database::open(folder / "luthier.db", store::Database::Access::kReadWrite));
    std::string pages;
    LUTHIER_TRY_VOID(
        database->query("PRAGMA integrity_check(1)", [&pages](const store::Row& row) { pages = row.text(0); }));
    if (pages != "ok") {
      return Error{ErrorCode::kDataLoss, "luthier.db of the backup is damaged: " + pages};
    }
  }
  LUTHIER_TRY(const auto opened, store::open_sqlite_store(folder.string()));
  for (const std::string& finding : opened->findings()) {
    return Error{ErrorCode::kDataLoss, finding};
  }
  std::uint64_t last = 0;
  std::vector<std::string> broken;
  LUTHIER_TRY(const store::Snapshot snapshot,
              opened->newest_snapshot(std::numeric_limits<std::uint64_t>::max(), broken));
  for (const std::string& what : broken) {
    return Error{ErrorCode::kDataLoss, what};
  }
  // Older records may have been deleted by history_keep; those after the snapshot make the state.
  LUTHIER_TRY_VOID(opened->replay_after(snapshot.index, [&last](const store::JournalRecord& record) {
    last = record.index;
    return Result<void>();
  }));
  LUTHIER_TRY_VOID(check_artifacts(folder / "artifacts"));
  return std::max(last, snapshot.index);
}

}  // namespace

Result<BackupReport> back_up(const fs::path& data, const fs::path& target, bool links) {
  std::error_code bad;
  if (!fs::exists(data / "luthier.db", bad)) {
    return Error{ErrorCode::kNotFound, "there is no data folder " + data.string() + " (no luthier.db in it)"};
  }
  LUTHIER_TRY_VOID(create_folders(target));
  ::chmod(target.c_str(), 0700);  // it holds keys
  if (fs::equivalent(data, target, bad)) {
    return Error{ErrorCode::kInvalidArgument, "a backup into the data folder itself is none; choose another folder"};
  }
  fs::remove(target / kManifest, bad);  // not complete until it is written again
  LUTHIER_TRY(const UniqueFd collecting, hold_collection(data / "artifacts"));
  Json files = Json::array();
  BackupReport report;
  const auto note = [&](const std::string& path, const Copied& copied) {
    files.push_back({path, copied.digest, copied.bytes});
    ++report.files;
    report.bytes += copied.bytes;
  };
  // The database first: every artifact that it names was durable before.
  for (const char* name : {"luthier.db", "telemetry.db"}) {
    LUTHIER_TRY_VOID(copy_database(data / name, target / name));
    LUTHIER_TRY(const Copied hashed, hash_file(target / name));
    note(name, hashed);
  }
  LUTHIER_TRY(const std::vector<fs::path> paths, files_of(data));
  for (const fs::path& path : paths) {
    LUTHIER_TRY(const Copied copied, copy_file(data / path, target / path, expected_digest(path), links));
    note(path.string(), copied);
  }
  LUTHIER_TRY(report.records, journal_records(target / "luthier.db"));
  const Json manifest{{"format", kFormat},
                      {"created_at", format_utc(SystemClock().now().wall_ms)},
                      {"data", fs::absolute(data).string()},
                      {"journal_records", report.records},
                      {"files", std::move(files)}};
  LUTHIER_TRY_VOID(write_file_atomically(target / kManifest, manifest.dump(1) + "\n", 0600));
  report.summary = summary_of("backup in " + target.string(), report);
  return report;
}

Result<BackupReport> restore(const fs::path& source, const fs::path& data) {
  LUTHIER_TRY_VOID(check_empty(data));
  LUTHIER_TRY(const Json manifest, read_manifest(source));
  LUTHIER_TRY(const std::vector<Listed> files, listed_files(manifest));
  const fs::path partial = fs::absolute(data).lexically_normal().string() + ".restoring";
  std::error_code bad;
  fs::remove_all(partial, bad);
  LUTHIER_TRY_VOID(create_folders(partial));
  ::chmod(partial.c_str(), 0700);
  BackupReport report;
  for (const Listed& file : files) {
    LUTHIER_TRY(const Copied copied, copy_file(source / file.path, partial / file.path, file.digest, false));
    if (copied.bytes != file.bytes) {
      return Error{ErrorCode::kDataLoss, file.path + " of the backup has another size than when it was written"};
    }
    ++report.files;
    report.bytes += copied.bytes;
  }
  Result<std::uint64_t> records = verify(partial);
  if (!records) {
    return std::move(records).error().with("the backup is not whole, so nothing was restored");
  }
  report.records = *records;
  {
    LUTHIER_TRY(const auto database,
                store::Database::open(partial / "luthier.db", store::Database::Access::kReadWrite));
    LUTHIER_TRY_VOID(store::supersede_original(*database, partial));
  }
  fs::remove(data, bad);  // an empty folder
  fs::rename(partial, data, bad);
  if (bad) {
    return Error{ErrorCode::kInternal,
                 "cannot rename " + partial.string() + " to " + data.string() + ": " + bad.message()};
  }
  LUTHIER_TRY_VOID(sync_folder(fs::absolute(data).lexically_normal().parent_path()));
  report.summary = summary_of("verified and restored to " + data.string(), report);
  return report;
}

}  // namespace luthier::controller
