#include "controller/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <thread>

#include "base/digest/digest.h"
#include "base/file.h"
#include "controller/artifacts/artifacts.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::controller {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

namespace fs = std::filesystem;

core::Event lost(std::uint64_t number) { return core::AgentLost{AgentId{"a-" + std::to_string(number)}, "silence"}; }

class BackupTest : public ::testing::Test {
 protected:
  BackupTest() {
    open();
    for (int i = 0; i < 3; ++i) {
      commit(4);
      EXPECT_TRUE(store_->save_snapshot("{}", Now{}));
    }
    EXPECT_EQ(*store_->archive_records(0), 8U);
    put_artifact("first");
    put_artifact("second");
    EXPECT_TRUE(write_file_atomically(data() / "admin.key", "secret\n", 0600));
  }

  fs::path data() const { return folder_.path() / "data"; }
  fs::path target() const { return folder_.path() / "backup"; }
  fs::path restored() const { return folder_.path() / "restored"; }
  void open() {
    store_ = store::open_sqlite_store(data().string()).value();
    artifacts_ = artifacts::open_local_artifacts(data() / "artifacts").value();
    epoch_ = store_->acquire_epoch().value();
  }
  void commit(int count) {
    for (int i = 0; i < count; ++i) {
      store::Batch batch = store::make_batch(epoch_, ++records_, {lost(records_)});
      ASSERT_TRUE(store_->commit(batch));
    }
  }
  std::string put_artifact(const std::string& bytes) {
    const std::string digest = sha256_digest(bytes);
    auto writer = artifacts_->create_blob(digest, bytes.size()).value();
    EXPECT_TRUE(writer->write(bytes));
    EXPECT_TRUE(writer->finish());
    return artifacts_->put_manifest({"dataset", {{"file", digest, bytes.size()}}}).value();
  }
  BackupReport back_up_now(bool links = false) {
    const auto done = back_up(data(), target(), links);
    EXPECT_TRUE(done) << done.error().message;
    return done ? *done : BackupReport{};
  }
  static std::uint64_t replayed(const fs::path& folder) {
    const auto store = store::open_sqlite_store(folder.string()).value();
    EXPECT_TRUE(store->findings().empty());
    std::uint64_t count = 0;
    EXPECT_TRUE(store->replay([&count](const store::JournalRecord&) {
      ++count;
      return Result<void>();
    }));
    return count;
  }

  const store::TemporaryFolder folder_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<artifacts::ArtifactStore> artifacts_;
  std::uint64_t epoch_ = 0;
  std::uint64_t records_ = 0;
};

TEST_F(BackupTest, WhatIsRestoredIsWhatWasThere) {
  const std::string artifact = put_artifact("third");
  EXPECT_EQ(back_up_now().records, 12U);  // the store is open
  commit(5);                              // not in the backup
  const auto done = restore(target(), restored());
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done->records, 12U);
  EXPECT_EQ(replayed(restored()), 12U);
  EXPECT_EQ(read_file(restored() / "admin.key").value(), "secret\n");
  const auto copy = store::open_sqlite_store(restored().string()).value();
  EXPECT_THAT(copy->findings(), ::testing::IsEmpty());
  EXPECT_GE(copy->numbers_lost(), 100'000U);  // that the original may give meanwhile
  EXPECT_GE(copy->acquire_epoch().value(), epoch_ + 100'000);
  EXPECT_EQ(fs::status(restored() / "admin.key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_TRUE(artifacts::open_local_artifacts(restored() / "artifacts").value()->get_manifest(artifact));
}

TEST_F(BackupTest, ItIsOfOneMomentWhileTheControllerWrites) {
  std::atomic<bool> done = false;
  std::thread writing([&] {
    while (!done) {
      commit(1);
    }
  });
  for (int i = 0; i < 3; ++i) {
    const BackupReport report = back_up_now();
    const fs::path to = restored().string() + std::to_string(i);
    const auto back = restore(target(), to);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(back->records, report.records);
    EXPECT_EQ(replayed(to), report.records);
  }
  done = true;
  writing.join();
}

TEST_F(BackupTest, ASecondOneGoesOnWhereTheFirstEnded) {
  back_up_now();
  fs::path blob;
  for (const auto& file : fs::recursive_directory_iterator(target() / "artifacts" / "blobs")) {
    blob = file.is_regular_file() ? file.path() : blob;
  }
  const fs::file_time_type before = fs::last_write_time(blob);
  fs::remove(target() / "backup.json");  // as if it had been killed at the end
  EXPECT_THAT(restore(target(), restored()).error().message, HasSubstr("not a complete backup"));
  commit(2);
  put_artifact("later");
  EXPECT_EQ(back_up_now().records, 14U);
  EXPECT_EQ(fs::last_write_time(blob), before);  // not copied again
  EXPECT_TRUE(restore(target(), restored()));
}

TEST_F(BackupTest, LinksAreTheSameFilesAndStillVerified) {
  back_up_now(true);
  for (const auto& file : fs::recursive_directory_iterator(target() / "artifacts" / "blobs")) {
    EXPECT_TRUE(!file.is_regular_file() || fs::hard_link_count(file.path()) == 2);
  }
  EXPECT_TRUE(restore(target(), restored()));
}

TEST_F(BackupTest, ADamagedBackupIsRefusedWhateverIsDamaged) {
  back_up_now();
  std::vector<fs::path> files;
  for (const auto& file : fs::recursive_directory_iterator(target())) {
    if (file.is_regular_file()) {
      files.push_back(file.path());
    }
  }
  ASSERT_GT(files.size(), 7U);
  for (const fs::path& file : files) {
    SCOPED_TRACE(file);
    const std::string whole = read_file(file).value();
    for (const int damage : {0, 1, 2}) {
      if (damage == 0) {
        fs::remove(file);
      } else {
        std::string bytes = damage == 1 ? whole.substr(0, whole.size() / 2) : whole;
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 0x20);
        std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
      }
      const auto refused = restore(target(), restored());
      EXPECT_FALSE(refused && file.filename() != "backup.json");
      EXPECT_EQ(fs::exists(restored()), refused.has_value());
      fs::remove_all(restored());
    }
    std::ofstream(file, std::ios::binary | std::ios::trunc) << whole;
  }
  EXPECT_TRUE(restore(target(), restored()));
}

TEST_F(BackupTest, WrongFoldersAreRefusedWithWhatIsWrong) {
  back_up_now();
  fs::create_directories(restored());
  EXPECT_TRUE(restore(target(), restored()));  // an empty folder is as good as none
  EXPECT_THAT(restore(target(), restored()).error().message, HasSubstr("is not empty"));
  EXPECT_THAT(back_up(folder_.path() / "nowhere", target(), false).error().message, HasSubstr("no luthier.db"));
  EXPECT_THAT(back_up(data(), data(), false).error().message, HasSubstr("choose another folder"));
  EXPECT_THAT(restore(folder_.path() / "nowhere", folder_.path() / "new").error().message,
              HasSubstr("not a complete backup"));
}

TEST_F(BackupTest, AnArtifactThatIsDamagedAtItsSourceIsNamed) {
  const std::string digest = sha256_digest("first");
  const std::string hex = digest.substr(7);
  std::ofstream(data() / "artifacts" / "blobs" / hex.substr(0, 2) / hex, std::ios::trunc) << "FIRST";
  const auto refused = back_up(data(), target(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(hex), HasSubstr("damaged")));
}

}  // namespace
}  // namespace luthier::controller
