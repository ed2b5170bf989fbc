// ChangeList: every row that was changed or dropped and why, in a file without a name, so that memory does not grow
// with it. Entries are in the order in which they were made: repair by repair. Movable; not shared between threads.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
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
  void add(const Change& change);
  [[nodiscard]] std::int64_t size() const { return size_; }

  // Writes changes.jsonl and changes.txt into `folder`, which exists. kInternal, kResourceExhausted: the disk.
  [[nodiscard]] Result<void> write(const std::filesystem::path& folder) const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::unique_ptr<std::FILE, Close> file_;  // JSON lines; made at the first entry
  std::int64_t size_ = 0;
  bool failed_ = false;  // write() tells
};

}  // namespace luthier::data
