// ChangeList: every row that was changed or dropped and why, in a file without a name, so that memory does not grow
// with it. Entries are in the order in which they were made. Movable; not shared between threads.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::data {

struct Change {
  std::string_view file;
  std::int64_t line = 0;
  bool dropped = false;   // else changed
  std::string_view code;  // why: the remedy's
  std::string_view detail;
};

class ChangeList {
 public:
  // Where the file is made; otherwise in the system's folder for temporary files. Before the first entry.
  void set_folder(std::filesystem::path folder) { folder_ = std::move(folder); }
  // `rows`: so many lines, one after the other.
  void add(const Change& change, std::int64_t rows = 1);
  // An entry for all rows that follow upon one another with the same change, as that of the first of them.
  // `row`: the record's number, which tells what follows upon what.
  void add_to_run(const Change& change, std::uint64_t row);
  // Rows that are listed, those of runs too.
  [[nodiscard]] std::int64_t size() const { return size_; }

  // Writes changes.jsonl and changes.txt into `folder`, which exists. kInternal, kResourceExhausted: the disk.
  [[nodiscard]] Result<void> write(const std::filesystem::path& folder) const;

 private:
  struct Run {
    std::string file;
    std::int64_t line = 0;
    std::int64_t last_line = 0;
    std::int64_t rows = 0;
    std::uint64_t last_row = 0;
    bool dropped = false;
    std::string detail;
  };
  static std::string to_line(const std::string& code, const Run& run);
  void put(const std::string& line);

  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;  // JSON lines; made at the first entry
  std::filesystem::path folder_;
  std::map<std::string, Run, std::less<>> runs_;  // those that may go on, by code
  std::int64_t size_ = 0;
  bool failed_ = false;  // write() tells
};

}  // namespace luthier::data
