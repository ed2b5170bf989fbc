// Invariant 14: files that were cut or zeroed anywhere open with a report of what is lost, or are refused with what to
// do; never a crash, never silence.
#include <fstream>
#include <set>

#include "base/file.h"
#include "controller/store/head_file.h"
#include "tests/controller/store/history.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

core::Event lost(const std::string& agent) { return core::AgentLost{AgentId{agent}, "silence"}; }

std::string torn(const std::string& whole, std::size_t keep, bool zeroed) {
  std::string text = whole.substr(0, keep);
  text.resize(zeroed ? whole.size() : text.size(), '\0');
  return text;
}

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

class TornTest : public StoreTest {
 protected:
  void fill(int batches) {
    History history(11);
    for (int i = 0; i < batches; ++i) {
      commit(history.next());
    }
  }
  std::string bytes_of(const char* name) const { return read_file(folder_.path() / name).value(); }

  struct Opened {
    std::size_t records = 0;
    bool refused = false;
    std::vector<std::string> findings;
  };
  // Opens the folder as it is and replays.
  static Opened open_all(const std::filesystem::path& folder) {
    Opened opened;
    auto store = open_sqlite_store(folder.string());
    if (!store) {
      EXPECT_EQ(store.error().code, ErrorCode::kDataLoss) << store.error().message;
      EXPECT_THAT(store.error().message, HasSubstr("luthier restore"));
      return {.refused = true};
    }
    opened.findings = (*store)->findings();
    const auto done = (*store)->replay([&opened](const JournalRecord&) {
      ++opened.records;
      return Result<void>();
    });
    if (!done) {
      EXPECT_EQ(done.error().code, ErrorCode::kDataLoss) << done.error().message;
      opened.refused = true;
    }
    return opened;
  }
};

TEST_F(TornTest, WhatALogLostIsSaidToTheRecord) {
  commit({lost("a-1"), lost("a-2")});
  const std::size_t before = std::filesystem::file_size(folder_.path() / "luthier.db-wal");
  commit({lost("a-3")});
  commit({lost("a-4"), lost("a-5")});
  const TemporaryFolder copy;
  for (const char* name : {"luthier.db", "journal.head"}) {
    std::filesystem::copy_file(folder_.path() / name, copy.path() / name);
  }
  write(copy.path() / "luthier.db-wal", torn(bytes_of("luthier.db-wal"), before, false));
  auto store = open_sqlite_store(copy.path().string()).value();
  EXPECT_THAT(store->findings(), ElementsAre(AllOf(HasSubstr("lost records 3 to 5"), HasSubstr(time_of(5)),
                                                   HasSubstr("after " + time_of(2)), HasSubstr("backup"))));
  EXPECT_GE(store->numbers_lost(), 3U);  // as many as were lost, and what was reserved behind them
  EXPECT_LE(store->numbers_lost(), 3U + kNumbersReserved);
  // The epoch of the lost records is not used again.
  EXPECT_GT(store->acquire_epoch().value(), epoch_);
  Batch batch = make_batch(*store->acquire_epoch(), 3, {lost("a-6")});
  ASSERT_TRUE(store->commit(batch));
  store.reset();
  EXPECT_THAT(open_all(copy.path()).findings, IsEmpty());  // said once; the journal goes on from there
  EXPECT_EQ(open_sqlite_store(copy.path().string()).value()->numbers_lost(), 0U);
}

TEST_F(TornTest, ALossIsStillKnownWhenTheNextStartIsCutOffToo) {
  commit({lost("a-1")});
  const std::string before = bytes_of("luthier.db-wal");
  commit({lost("a-2"), lost("a-3")});
  const TemporaryFolder copy;
  for (const char* name : {"luthier.db", "journal.head"}) {
    std::filesystem::copy_file(folder_.path() / name, copy.path() / name);
  }
  write(copy.path() / "luthier.db-wal", before);
  const std::uint64_t first = open_sqlite_store(copy.path().string()).value()->numbers_lost();
  EXPECT_GE(first, 2U);
  EXPECT_EQ(open_sqlite_store(copy.path().string()).value()->numbers_lost(), first) << "nothing was committed";
}

TEST_F(TornTest, NoEventNumberIsGivenTwice) {
  commit({lost("a-1")});
  const std::string before = bytes_of("luthier.db-wal");
  Batch given = make_batch(epoch_, 2, {lost("a-2")});
  for (int i = 0; i < 5; ++i) {
    given.published.push_back({0, "agent.lost", kStartMs, Json::object()});
  }
  ASSERT_TRUE(store_->commit(given));
  const TemporaryFolder copy;
  for (const char* name : {"luthier.db", "journal.head"}) {
    std::filesystem::copy_file(folder_.path() / name, copy.path() / name);
  }
  write(copy.path() / "luthier.db-wal", before);
  auto store = open_sqlite_store(copy.path().string()).value();
  Batch next = make_batch(*store->acquire_epoch(), 2, {lost("a-3")});
  next.published.push_back({0, "agent.lost", kStartMs, Json::object()});
  ASSERT_TRUE(store->commit(next));
  EXPECT_GT(next.published[0].sequence, given.published.back().sequence);
}

TEST_F(TornTest, AfterTheMachineWentDownReservedNumbersAreSkippedAlthoughNothingIsMissed) {
  commit({lost("a-1")});
  store_.reset();
  const auto head = HeadFile::open(folder_.path() / "journal.head")->read().value().value();
  EXPECT_EQ(head.records_reserved, 1U) << "a proper end gives back what was not used";
  EXPECT_EQ(open_sqlite_store(folder_.path().string()).value()->numbers_lost(), 0U);
  {  // the same machine before it was started again, cut off between reserving numbers and using them
    auto file = HeadFile::open(folder_.path() / "journal.head", "another-boot").value();
    file.keep_reserved(head);
    ASSERT_TRUE(file.reserve(2, 1));
  }
  EXPECT_EQ(open_sqlite_store(folder_.path().string()).value()->numbers_lost(), 1U + kNumbersReserved);
  reopen();
  commit({lost("a-2")});
  reopen();
  EXPECT_EQ(store_->numbers_lost(), 0U) << "the journal tells of it now";
}

TEST_F(TornTest, AHeadOfAnOlderReleaseIsRead) {
  commit({lost("a-1"), lost("a-2")});
  store_.reset();
  const auto now = HeadFile::open(folder_.path() / "journal.head")->read().value().value();
  const std::string line = "luthier-journal-head-1 2 " + std::to_string(now.head.epoch) + " " +
                           std::to_string(now.head.wall_ms) + " " + now.head.chain;
  write(folder_.path() / "journal.head", line + " " + sha256_digest(line).substr(7, 16) + "\n" + std::string(64, ' '));
  const auto read = HeadFile::open(folder_.path() / "journal.head")->read().value().value();
  EXPECT_EQ(read.head, now.head);
  EXPECT_EQ(read.records_reserved, 0U);
  EXPECT_THAT(open_all(folder_.path()).findings, IsEmpty());
}

TEST_F(TornTest, AWriteAheadLogTornAnywhereLosesWholeBatchesAndSaysSo) {
  commit({lost("a-1")});
  const std::size_t first_commit = std::filesystem::file_size(folder_.path() / "luthier.db-wal");
  fill(40);
  const std::size_t records = replayed().size();
  const std::string log = bytes_of("luthier.db-wal");
  std::set<std::size_t> lengths;
  for (std::size_t keep = 0; keep < log.size(); keep += 1 + log.size() / 25) {
    for (const bool zeroed : {false, true}) {
      SCOPED_TRACE(std::to_string(keep) + (zeroed ? " zeroed" : " cut"));
      const TemporaryFolder copy;
      for (const char* name : {"luthier.db", "journal.head"}) {
        std::filesystem::copy_file(folder_.path() / name, copy.path() / name);
      }
      write(copy.path() / "luthier.db-wal", torn(log, keep, zeroed));
      const Opened opened = open_all(copy.path());
      EXPECT_EQ(opened.refused, keep < first_commit);  // nothing at all is left
      EXPECT_TRUE(opened.refused || opened.records == records || !opened.findings.empty());
      lengths.insert(opened.records);
    }
  }
  EXPECT_GT(lengths.size(), 3U);
}

TEST_F(TornTest, ADatabaseFileTornAnywhereIsReadWholeOrRefusedOrReported) {
  fill(40);
  const std::size_t records = replayed().size();
  store_.reset();  // everything is in luthier.db now
  const std::string database = bytes_of("luthier.db");
  for (std::size_t keep = 0; keep < database.size(); keep += 1 + database.size() / 25) {
    for (const bool zeroed : {false, true}) {
      SCOPED_TRACE(std::to_string(keep) + (zeroed ? " zeroed" : " cut"));
      const TemporaryFolder copy;
      std::filesystem::copy_file(folder_.path() / "journal.head", copy.path() / "journal.head");
      write(copy.path() / "luthier.db", torn(database, keep, zeroed));
      const Opened opened = open_all(copy.path());
      EXPECT_TRUE(opened.refused || opened.records == records || !opened.findings.empty());
    }
  }
}

TEST_F(TornTest, AnEmptyDatabaseBesideAJournalHeadIsRefused) {
  commit({lost("a-1")});
  store_.reset();
  write(folder_.path() / "luthier.db", "");
  const auto refused = open_sqlite_store(folder_.path().string());
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("is empty"), HasSubstr("had 1 records")));
}

TEST_F(TornTest, AJournalHeadTornAnywhereIsReportedAndNeverTrusted) {
  commit({lost("a-1"), lost("a-2")});
  store_.reset();
  const std::string head = bytes_of("journal.head");
  for (std::size_t keep = 0; keep < head.size(); keep += 3) {
    for (const bool zeroed : {false, true}) {
      SCOPED_TRACE(keep);
      write(folder_.path() / "journal.head", torn(head, keep, zeroed));
      const Opened opened = open_all(folder_.path());
      EXPECT_EQ(opened.records, 2U);
      const bool whole = keep > head.find('\n');
      const bool absent = keep == 0 && !zeroed;
      EXPECT_EQ(opened.findings.size(), whole || absent ? 0U : 1U);
    }
  }
}

TEST_F(TornTest, AnExchangedDatabaseIsNoticed) {
  commit({lost("a-1"), lost("a-2")});
  const TemporaryFolder other;
  {
    auto store = open_sqlite_store(other.path().string()).value();
    Batch batch = make_batch(*store->acquire_epoch(), 1, {lost("a-7"), lost("a-8"), lost("a-9")});
    ASSERT_TRUE(store->commit(batch));
  }
  std::filesystem::copy_file(folder_.path() / "journal.head", other.path() / "journal.head",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(open_all(other.path()).findings, ElementsAre(HasSubstr("record 2 differs")));
}

}  // namespace
}  // namespace luthier::store
