// HeadFile: what the journal's newest record was, beside the database (DATA/journal.head). Written after each commit
// without waiting for the disk, so it is never ahead of what SQLite said is durable: when the database knows less than
// this file, records were lost.
#pragma once

#include <filesystem>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "controller/store/journal.h"

namespace luthier::store {

class HeadFile {
 public:
  // Opens or creates it (0600).
  [[nodiscard]] static Result<HeadFile> open(const std::filesystem::path& file);
  // Nothing when it was never written; kDataLoss when it does not say anything that can be trusted.
  [[nodiscard]] Result<std::optional<JournalHead>> read() const;
  [[nodiscard]] Result<void> write(const JournalHead& head);

 private:
  explicit HeadFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace luthier::store
