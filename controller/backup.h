// Backups of a data folder: `luthierd --backup` and `--restore`, behind `luthier backup` and `luthier restore`.
//
// A backup is a folder: luthier.db and telemetry.db of one moment each, archive/, artifacts/, the keys, and at last
// backup.json with the size and digest of every file. Without backup.json a backup is not complete: the same command
// goes on where it ended. A controller may run meanwhile; collection of artifacts waits until the backup is done.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

namespace luthier::controller {

struct BackupReport {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;
  std::uint64_t records = 0;  // of the journal
  std::string summary;        // one sentence for people
};

// Copies `data` to the folder `target`, which may hold an older or unfinished backup of it: what is there already and
// whole is not copied again. Every byte is hashed on the way; kDataLoss names an artifact that is damaged in `data`.
[[nodiscard]] Result<BackupReport> back_up(const std::filesystem::path& data, const std::filesystem::path& target,
                                           bool links);

// Makes `data` from the backup. Verifies every file against backup.json, the database's pages, the journal's chain, and
// that no artifact lacks a blob, before `data` exists. A controller on it supersedes the one of the backed up folder,
// should that still run: it has a greater epoch, and gives none of its numbers again. kFailedPrecondition when `data`
// is a folder with something in it.
[[nodiscard]] Result<BackupReport> restore(const std::filesystem::path& source, const std::filesystem::path& data);

}  // namespace luthier::controller
