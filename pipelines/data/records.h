// Records: all records that were read, in a temporary file without a name, seen through the edits decided upon so far.
// What is on disk never changes: an edit is done anew in each pass, so that a repair costs no copy of the data, and
// reported in the first pass after it was added. Movable; not shared between threads. See
// docs/decisions/0016-prepare-in-passes.md.
#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/record.h"
#include "pipelines/data/report.h"
#include "pipelines/data/scratch/disk_array.h"

namespace luthier::data {

// One change of records, or their dropping, by what the record says or by its number.
class Edit {
 public:
  virtual ~Edit() = default;
  // Before a pass in which it reports: names its remedies in the report, so that they stand in the order of edits.
  virtual void announce(Report& report) const = 0;
  // Before the first record of a pass.
  virtual void rewind() {}
  // False: the record is dropped. `report`: told of what is done; nullptr: it has been told before. `row`: the
  // record's number in the order in which they were read; it rises within a pass.
  [[nodiscard]] virtual Result<bool> apply(std::uint64_t row, Record& record, Report* report) = 0;
  // Whether it only drops rows of a list, which are known to be gone where a single record is asked for.
  [[nodiscard]] virtual bool drops_by_list() const { return false; }
};

// Records as bytes, made by several threads and appended in order.
struct EncodedRecords {
  std::string bytes;
  std::vector<std::uint32_t> sizes;
  void add(const Record& record);
};

class Records {
 public:
  // `folder`: for temporary files. `memory_bytes`: of what is kept of every record. `stopped`: asked now and then while
  // records are appended or passed over; true ends that with kCancelled.
  Records(std::filesystem::path folder, std::size_t memory_bytes, std::function<bool()> stopped);

  // The number that records of this file bear. Once a file, before its records.
  std::uint32_t add_file(std::string name);
  [[nodiscard]] const std::string& name_of(std::uint32_t file_number) const { return files_.at(file_number); }
  [[nodiscard]] Result<void> append(const EncodedRecords& records);
  [[nodiscard]] std::uint64_t size() const { return rows_; }

  void add_edit(std::unique_ptr<Edit> edit) { edits_.push_back({std::move(edit), false}); }

  // One pass over all of them in order, edited; those that an edit drops are left out. The record may be taken.
  using Take = std::function<Result<void>(std::uint64_t row, Record& record)>;
  [[nodiscard]] Result<void> for_each(Report& report, const Take& take);
  // One record, edited. `row`: one that for_each() gave in its last pass.
  [[nodiscard]] Result<Record> at(std::uint64_t row) const;

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }

 private:
  struct Entry {
    std::unique_ptr<Edit> edit;
    bool reported = false;
  };

  static constexpr std::uint64_t kRowsOfOffset = 8;

  Result<void> go_on() const;
  Result<void> read(std::uint64_t offset, char* target, std::size_t size) const;
  Result<std::string> encoded(std::uint64_t row) const;
  Record decode(const char* bytes) const;

  std::filesystem::path folder_;
  std::size_t memory_bytes_;
  std::function<bool()> stopped_;
  std::deque<std::string> files_;  // records point into it
  std::vector<Entry> edits_;
  std::string tail_;  // of what is not in the file yet
  std::unique_ptr<scratch::ScratchFile> file_;
  std::uint64_t in_file_ = 0;
  scratch::DiskArray<std::uint64_t> offsets_;  // of every kRowsOfOffset-th row
  std::uint64_t rows_ = 0;
};

}  // namespace luthier::data
