// HeadFile: what the journal's newest record was, beside the database (DATA/journal.head). Written after each commit
// without waiting for the disk, so it is never ahead of what SQLite said is durable: when the database knows less than
// this file, records were lost.
//
// Ahead of commits, and waiting for the disk, it reserves numbers of records and of published events in blocks. So
// after a loss it is known which numbers can have been given: none of them is given again.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "controller/store/journal.h"

namespace luthier::store {

// Of one reservation.
inline constexpr std::uint64_t kNumbersReserved = 1'000;

struct Remembered {
  JournalHead head;
  std::uint64_t records_reserved = 0;  // no record above this index was ever committed
  std::uint64_t events_reserved = 0;   // nor a published event above this sequence
  // Of the machine's start during which it was written; empty once the store was closed properly. Another one than
  // now: the machine went down in between, and the last words of this file may be lost with those of the database.
  std::string boot_id;
};

class HeadFile {
 public:
  // Opens or creates it (0600). `boot_id`: of the machine, as the kernel has it, when not given.
  [[nodiscard]] static Result<HeadFile> open(const std::filesystem::path& file, std::string boot_id = {});
  // Nothing when it was never written; kDataLoss when it does not say anything that can be trusted. Files of older
  // releases reserve nothing.
  [[nodiscard]] Result<std::optional<Remembered>> read() const;
  // Before a commit that will end at these numbers: waits for the disk when they are not reserved yet.
  [[nodiscard]] Result<void> reserve(std::uint64_t record, std::uint64_t event);
  // What was reserved before, by read().
  void keep_reserved(const Remembered& remembered);
  // After a commit.
  [[nodiscard]] Result<void> write(const JournalHead& head);
  // Gives back what is reserved and not used; waits for the disk. Nothing when nothing was committed since open().
  void close(std::uint64_t newest_event);
  [[nodiscard]] const std::string& boot_id() const { return boot_id_; }

 private:
  HeadFile(UniqueFd fd, std::string boot_id) : fd_(std::move(fd)), boot_id_(std::move(boot_id)) {}
  [[nodiscard]] Result<void> store(const std::string& boot_id);

  UniqueFd fd_;
  std::string boot_id_;
  Remembered now_;
  bool reserved_here_ = false;
};

}  // namespace luthier::store
