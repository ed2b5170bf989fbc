// A store in a temporary folder, and short ways to fill it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/digest/digest.h"
#include "controller/store/store.h"

namespace luthier::store {

// Removed with everything in it at the end.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_(std::filesystem::path(::testing::TempDir()) / ("store-" + secure_random_hex(8))) {
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  const std::filesystem::path path_;
};

constexpr std::int64_t kStartMs = 1'700'000'000'000;  // 2023-11-14T22:13:20.000Z

// Indexes from `first_index` on; record i happens i seconds after kStartMs.
inline Batch make_batch(std::uint64_t epoch, std::uint64_t first_index, const std::vector<core::Event>& events) {
  Batch batch;
  for (const core::Event& event : events) {
    const std::uint64_t index = first_index + batch.records.size();
    const auto seconds = static_cast<std::int64_t>(index);
    batch.records.push_back({index, epoch, Now{kStartMs + 1'000 * seconds, 50 + seconds}, event});
  }
  return batch;
}

inline bool operator==(const JournalRecord& a, const JournalRecord& b) {
  return a.index == b.index && a.epoch == b.epoch && a.now == b.now && a.event == b.event;
}

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() { reopen(); }

  // Ends the present store first, as a restart would; takes a new epoch.
  void reopen() {
    store_.reset();
    auto opened = open_sqlite_store(folder_.path().string());
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(opened).value();
    auto epoch = store_->acquire_epoch();
    ASSERT_TRUE(epoch) << epoch.error().message;
    epoch_ = *epoch;
  }
  Result<void> try_commit(const std::vector<core::Event>& events) {
    Batch batch = make_batch(epoch_, next_index_, events);
    LUTHIER_TRY_VOID(store_->commit(batch));
    next_index_ += events.size();
    return {};
  }
  void commit(const std::vector<core::Event>& events) {
    const auto committed = try_commit(events);
    ASSERT_TRUE(committed) << committed.error().message;
  }
  std::vector<JournalRecord> replayed() {
    std::vector<JournalRecord> records;
    const auto done = store_->replay([&records](const JournalRecord& record) {
      records.push_back(record);
      return Result<void>();
    });
    EXPECT_TRUE(done) << done.error().message;
    return records;
  }
  static std::string time_of(std::uint64_t index) {
    return format_utc(kStartMs + 1'000 * static_cast<std::int64_t>(index));
  }

  TemporaryFolder folder_;
  std::unique_ptr<Store> store_;
  std::uint64_t epoch_ = 0;
  std::uint64_t next_index_ = 1;
};

}  // namespace luthier::store
