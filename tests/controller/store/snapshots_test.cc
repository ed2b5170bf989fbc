#include <fstream>

#include "base/file.h"
#include "controller/store/archive.h"
#include "controller/store/compress.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kKeepAll = 0;

core::Event lost(int number) { return core::AgentLost{AgentId{"a-" + std::to_string(number)}, "silence"}; }

class SnapshotsTest : public StoreTest {
 protected:
  void commit_records(int count) {
    for (int i = 0; i < count; ++i) {
      commit({lost(i)});
    }
  }
  void save(const std::string& state) {
    const auto saved = store_->save_snapshot(state, Now{kStartMs, 0});
    ASSERT_TRUE(saved) << saved.error().message;
  }
  Snapshot newest(std::uint64_t index_max = kNoLimit) {
    broken_.clear();
    const auto found = store_->newest_snapshot(index_max, broken_);
    EXPECT_TRUE(found) << found.error().message;
    return found ? *found : Snapshot{};
  }
  // SQL beside the store's back, as a damaged disk would change things.
  void change(const std::string& sql) {
    auto database = Database::open(folder_.path() / "luthier.db", Database::Access::kReadWrite).value();
    ASSERT_TRUE(database->run_script(sql));
  }
  std::int64_t count(const std::string& table) {
    auto database = Database::open(folder_.path() / "luthier.db", Database::Access::kReadOnly).value();
    return **database->query_integer("SELECT count(*) FROM " + table);
  }
  std::uint64_t archive(std::int64_t keep_from_ms = kKeepAll) {
    const auto moved = store_->archive_records(keep_from_ms);
    EXPECT_TRUE(moved) << moved.error().message;
    return moved ? *moved : 0;
  }
  std::vector<std::string> archive_files() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path() / "archive")) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  static constexpr std::uint64_t kNoLimit = 1ULL << 60;
  std::vector<std::string> broken_;
};

TEST(Gzip, GivesBackWhatItTookAndNoticesEveryCut) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{1}, std::size_t{300'000}}) {
    std::string text(bytes, 'x');
    for (std::size_t i = 0; i < bytes; i += 7) {
      text[i] = static_cast<char>(i * 31);
    }
    const std::string packed = gzip(text).value();
    EXPECT_EQ(gunzip(packed, 1 << 20).value(), text);
    for (std::size_t keep = 0; keep < packed.size(); keep += 1 + packed.size() / 50) {
      EXPECT_EQ(gunzip(packed.substr(0, keep), 1 << 20).error().code, ErrorCode::kDataLoss);
    }
    EXPECT_FALSE(gunzip(packed + "x", 1 << 20));
  }
  EXPECT_EQ(gunzip(gzip(std::string(1 << 21, ' ')).value(), 1 << 20).error().code, ErrorCode::kResourceExhausted);
}

TEST_F(SnapshotsTest, TheNewestTwoAreKept) {
  EXPECT_EQ(newest().state, "");
  for (int i = 1; i <= 4; ++i) {
    commit_records(3);
    save("{\"n\":" + std::to_string(i) + "}");
  }
  EXPECT_EQ(count("snapshots"), 2);
  reopen();
  EXPECT_EQ(newest().index, 12U);
  EXPECT_EQ(newest().state, "{\"n\":4}");
  EXPECT_EQ(newest(11).state, "{\"n\":3}");
  EXPECT_THAT(broken_, IsEmpty());
}

TEST_F(SnapshotsTest, ABrokenOneIsSkippedAndNamed) {
  commit_records(2);
  save("{\"n\":1}");
  commit_records(2);
  save("{\"n\":2}");
  change("UPDATE snapshots SET bytes = zeroblob(length(bytes)) WHERE record_index = 4");
  EXPECT_EQ(newest().state, "{\"n\":1}");
  EXPECT_THAT(broken_, ElementsAre(HasSubstr("after record 4 cannot be used")));
  change("UPDATE snapshots SET bytes = substr(bytes, 1, 5)");
  EXPECT_EQ(newest().state, "");
  EXPECT_EQ(broken_.size(), 2U);
}

TEST_F(SnapshotsTest, OnlyTheLeaderWritesThem) {
  commit_records(1);
  auto successor = open_sqlite_store(folder_.path().string()).value();
  ASSERT_TRUE(successor->acquire_epoch());
  EXPECT_EQ(store_->save_snapshot("{}", Now{}).error().code, ErrorCode::kFailedPrecondition);
}

TEST_F(SnapshotsTest, RecordsThatBothSnapshotsContainMoveToArchivesAndAreStillReplayed) {
  commit_records(5);
  save("{}");
  EXPECT_EQ(archive(), 0U);  // one snapshot is not enough
  commit_records(5);
  save("{}");
  const std::vector<JournalRecord> before = replayed();
  EXPECT_EQ(archive(), 5U);
  EXPECT_EQ(archive(), 0U);
  EXPECT_EQ(count("journal"), 5);
  EXPECT_THAT(archive_files(), ElementsAre("journal-1-5.jsonl.gz"));
  EXPECT_TRUE(replayed() == before);
  commit_records(4);
  save("{}");
  EXPECT_EQ(archive(), 5U);
  reopen();
  EXPECT_THAT(store_->findings(), IsEmpty());
  EXPECT_EQ(replayed().size(), 14U);
  commit_records(1);  // goes on where it ended
  for (const std::uint64_t after : {0U, 4U, 5U, 7U, 10U, 12U, 15U}) {
    std::uint64_t next = after;
    ASSERT_TRUE(store_->replay_after(after, [&next](const JournalRecord& record) {
      EXPECT_EQ(record.index, ++next);
      return Result<void>();
    }));
    EXPECT_EQ(next, 15U);
  }
}

TEST_F(SnapshotsTest, ACrashBetweenFileAndRowsLosesNothing) {
  commit_records(6);
  save("{}");
  commit_records(1);
  save("{}");
  {  // the file was written, its row was not
    auto database = Database::open(folder_.path() / "luthier.db", Database::Access::kReadOnly).value();
    ASSERT_EQ(write_segment(*database, folder_.path() / "archive", 4)->last, 4U);
  }
  reopen();
  EXPECT_EQ(archive(), 6U);
  EXPECT_EQ(replayed().size(), 7U);
  // The row was written, the journal's rows were not deleted.
  change("INSERT INTO journal (record_index, epoch, wall_ms, monotonic_ms, event, body) VALUES (3, 1, 1, 1, 'x', '')");
  EXPECT_EQ(replayed().size(), 7U);
  EXPECT_EQ(archive(), 0U);
  EXPECT_EQ(count("journal"), 1);
}

TEST_F(SnapshotsTest, SegmentsOlderThanTheHistoryAreDeletedButTheNewest) {
  for (int i = 0; i < 4; ++i) {
    commit_records(3);
    save("{}");
    archive();
  }
  ASSERT_EQ(archive_files().size(), 3U);
  EXPECT_EQ(archive(kStartMs + 4'000), 0U);  // record 3 is older, record 6 is not
  EXPECT_THAT(archive_files(), ElementsAre("journal-4-6.jsonl.gz", "journal-7-9.jsonl.gz"));
  archive(kStartMs + 1'000'000'000);
  EXPECT_THAT(archive_files(), ElementsAre("journal-7-9.jsonl.gz"));
  const auto all = store_->replay([](const JournalRecord&) { return Result<void>(); });
  EXPECT_THAT(all.error().message, AllOf(HasSubstr("records 1 to 6"), HasSubstr("history_keep")));
  EXPECT_TRUE(store_->replay_after(6, [](const JournalRecord&) { return Result<void>(); }));
}

TEST_F(SnapshotsTest, ACutOrZeroedArchiveIsNoticedAndTheStateDoesNotNeedIt) {
  commit_records(50);
  save("{}");
  commit_records(5);
  save("{}");
  ASSERT_EQ(archive(), 50U);
  const auto file = folder_.path() / "archive" / "journal-1-50.jsonl.gz";
  const std::string whole = read_file(file).value();
  for (std::size_t keep = 0; keep < whole.size(); keep += 1 + whole.size() / 20) {
    for (const bool zeroed : {false, true}) {
      std::string damaged = whole.substr(0, keep);
      damaged.resize(zeroed ? whole.size() : keep, '\0');
      std::ofstream(file, std::ios::binary) << damaged;
      reopen();
      EXPECT_EQ(store_->findings().size(), zeroed ? 0U : 1U);  // opening looks at sizes only
      const auto all = store_->replay([](const JournalRecord&) { return Result<void>(); });
      EXPECT_EQ(all.error().code, ErrorCode::kDataLoss);
      EXPECT_THAT(all.error().message, HasSubstr("journal-1-50.jsonl.gz"));
      EXPECT_TRUE(store_->replay_after(55, [](const JournalRecord&) { return Result<void>(); }));
      EXPECT_EQ(newest().index, 55U);
    }
  }
  std::filesystem::remove(file);
  reopen();
  EXPECT_THAT(store_->findings(), ElementsAre(HasSubstr("is not there")));
}

TEST_F(SnapshotsTest, AChangedRecordIsNoticed) {
  struct Case {
    const char* sql;
    const char* message;
  };
  for (const Case& c : {Case{"UPDATE journal SET body = replace(body, 'silence', 'violence') WHERE record_index = 3",
                             "record 3 (agent_lost) is not what was written"},
                        Case{"UPDATE journal SET wall_ms = 5 WHERE record_index = 3", "record 3"},
                        Case{"UPDATE journal SET body = '' WHERE record_index = 3", "record 3"},
                        Case{"DELETE FROM journal WHERE record_index = 3", "record 3 is missing"}}) {
    const TemporaryFolder copy;
    auto store = open_sqlite_store(copy.path().string()).value();
    const std::uint64_t epoch = store->acquire_epoch().value();
    Batch batch = make_batch(epoch, 1, {lost(1), lost(2), lost(3), lost(4)});
    ASSERT_TRUE(store->commit(batch));
    store.reset();
    ASSERT_TRUE(Database::open(copy.path() / "luthier.db", Database::Access::kReadWrite).value()->run_script(c.sql));
    store = open_sqlite_store(copy.path().string()).value();
    const auto read = store->replay([](const JournalRecord&) { return Result<void>(); });
    ASSERT_FALSE(read) << c.sql;
    EXPECT_EQ(read.error().code, ErrorCode::kDataLoss);
    EXPECT_THAT(read.error().message, HasSubstr(c.message));
  }
}

TEST_F(SnapshotsTest, AJournalOfAnOlderReleaseHasNoChainAndIsTakenAsItIs) {
  commit_records(3);
  change("UPDATE journal SET chain = ''");
  reopen();
  commit_records(2);
  EXPECT_EQ(replayed().size(), 5U);
  change("UPDATE journal SET body = '{}' WHERE record_index = 5");
  EXPECT_FALSE(store_->replay([](const JournalRecord&) { return Result<void>(); }));
}

}  // namespace
}  // namespace luthier::store
