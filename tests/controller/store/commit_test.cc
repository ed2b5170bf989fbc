#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "base/file.h"
#include "base/unique_fd.h"
#include "controller/store/faulty_store.h"
#include "tests/controller/store/history.h"
#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::HasSubstr;

core::Event lost(const std::string& agent) { return core::AgentLost{AgentId{agent}, "silence"}; }

TEST_F(StoreTest, EpochsGrowWithEveryTakeover) {
  const std::uint64_t first = epoch_;
  reopen();
  EXPECT_GT(epoch_, first);
}

TEST_F(StoreTest, WhatWasCommittedIsReplayedAlsoAfterReopening) {
  commit({core::ControllerStarted{epoch_, 7}, lost("a-1")});
  commit({lost("a-2")});
  const std::vector<JournalRecord> before = replayed();
  ASSERT_EQ(before.size(), 3U);
  EXPECT_EQ(before[0].index, 1U);
  EXPECT_EQ(before[2].event, lost("a-2"));
  EXPECT_EQ(before[2].now, (Now{kStartMs + 3'000, 53}));
  reopen();
  EXPECT_TRUE(replayed() == before);
}

TEST_F(StoreTest, ReplayStopsAtTheFirstError) {
  commit({lost("a-1"), lost("a-2")});
  int seen = 0;
  const auto stopped = store_->replay([&seen](const JournalRecord&) -> Result<void> {
    ++seen;
    return Error{ErrorCode::kCancelled, "enough"};
  });
  EXPECT_EQ(stopped.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(seen, 1);
}

TEST_F(StoreTest, AnOlderEpochMayNotWrite) {
  auto successor = open_sqlite_store(folder_.path().string()).value();
  commit({lost("a-1")});  // still the leader
  const std::uint64_t newer = *successor->acquire_epoch();

  struct Case {
    std::string name;
    Store* store;
    std::uint64_t epoch;
    bool accepted;
  };
  for (const Case& c : {Case{"superseded writer", store_.get(), epoch_, false},
                        Case{"superseded writer that claims the newer epoch", store_.get(), newer, false},
                        Case{"epoch that nobody has yet", successor.get(), newer + 1, false},
                        Case{"new leader under the old epoch", successor.get(), epoch_, false},
                        Case{"new leader", successor.get(), newer, true}}) {
    SCOPED_TRACE(c.name);
    Batch batch = make_batch(c.epoch, 2, {lost("a-2")});
    const auto committed = c.store->commit(batch);
    ASSERT_EQ(committed.has_value(), c.accepted);
    if (!c.accepted) {
      EXPECT_EQ(committed.error().code, ErrorCode::kFailedPrecondition);
      EXPECT_EQ(replayed().size(), 1U);
    }
  }
  Batch only_published{{}, {{0, "run.queued", kStartMs, Json::object()}}};
  EXPECT_EQ(store_->commit(only_published).error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(replayed().size(), 2U);
}

TEST_F(StoreTest, AJournalHasNoGapsAndNoRepeats) {
  commit({lost("a-1")});
  for (const std::uint64_t index : {0U, 1U, 3U}) {
    Batch batch = make_batch(epoch_, index, {lost("a-2")});
    const auto refused = store_->commit(batch);
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().message, HasSubstr("index 2"));
  }
  EXPECT_EQ(replayed().size(), 1U);
}

TEST_F(StoreTest, ABatchThatFailsHalfwayLeavesNothing) {
  commit({core::ModelRegistered{"m", 1, {"sha256:b", ""}, {}, {}, ""}});
  Batch batch = make_batch(epoch_, 2,
                           {core::AgentJoined{AgentId{"a-1"}, "node", "boot", {}},
                            core::ModelRegistered{"m", 1, {"sha256:other", ""}, {}, {}, "the same version again"}});
  batch.published.push_back({0, "model.registered", kStartMs, Json::object()});
  const auto failed = store_->commit(batch);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, HasSubstr("record 3 (model_registered)"));
  EXPECT_EQ(batch.published[0].sequence, 0U);
  EXPECT_EQ(replayed().size(), 1U);
  EXPECT_EQ(store_->list_agents()->at("agents"), Json::array());
  EXPECT_TRUE(store_->events_after(0, 10, "")->empty());
}

TEST_F(StoreTest, PublishedEventsGetSequencesFromOneAndAreReadByRun) {
  Batch batch = make_batch(epoch_, 1, {lost("a-1")});
  batch.published = {{0, "run.queued", 1, {{"run", "r-1"}}},
                     {0, "agent.lost", 2, {{"agent", "a-1"}}},
                     {0, "run.queued", 3, {{"run", "r-2"}, {"name", "é"}}}};
  ASSERT_TRUE(store_->commit(batch));
  reopen();
  Batch more = make_batch(epoch_, 2, {lost("a-2")});
  more.published = {{0, "run.succeeded", 4, {{"run", "r-1"}}}};
  ASSERT_TRUE(store_->commit(more));
  EXPECT_EQ(more.published[0].sequence, 4U);

  struct Case {
    std::uint64_t after;
    int limit;
    std::string run;
    std::vector<std::uint64_t> sequences;
  };
  for (const Case& c :
       {Case{0, 10, "", {1, 2, 3, 4}}, Case{1, 2, "", {2, 3}}, Case{4, 10, "", {}}, Case{0, 10, "r-1", {1, 4}},
        Case{1, 10, "r-1", {4}}, Case{0, 10, "r-3", {}}, Case{~std::uint64_t{0}, 10, "", {}}}) {
    const auto events = store_->events_after(c.after, c.limit, c.run);
    ASSERT_TRUE(events);
    std::vector<std::uint64_t> sequences;
    for (const OutboxRow& row : *events) {
      sequences.push_back(row.sequence);
    }
    EXPECT_EQ(sequences, c.sequences);
  }
  const OutboxRow third = store_->events_after(2, 1, "")->at(0);
  EXPECT_EQ(third.name, "run.queued");
  EXPECT_EQ(third.wall_ms, 3);
  EXPECT_EQ(third.payload, (Json{{"run", "r-2"}, {"name", "é"}}));
}

TEST_F(StoreTest, RandomHistoriesReplayAsTheyWereCommitted) {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const TemporaryFolder folder;
    History history(seed);
    Random random(seed + 1'000);
    std::vector<JournalRecord> expected;
    std::unique_ptr<Store> store;
    std::uint64_t epoch = 0;
    for (int round = 0; round < 50; ++round) {
      if (!store || random.below(12) == 0) {
        store.reset();
        store = open_sqlite_store(folder.path().string()).value();
        epoch = store->acquire_epoch().value();
      }
      std::vector<core::Event> events;
      for (std::uint64_t i = 0; i <= random.below(3); ++i) {  // group commit
        const std::vector<core::Event> more = history.next();
        events.insert(events.end(), more.begin(), more.end());
      }
      Batch batch = make_batch(epoch, expected.size() + 1, events);
      const auto committed = store->commit(batch);
      ASSERT_TRUE(committed) << committed.error().message;
      expected.insert(expected.end(), batch.records.begin(), batch.records.end());
    }
    store.reset();
    store = open_sqlite_store(folder.path().string()).value();
    std::vector<JournalRecord> found;
    ASSERT_TRUE(store->replay([&found](const JournalRecord& record) {
      found.push_back(record);
      return Result<void>();
    }));
    EXPECT_TRUE(found == expected);
    const auto page = store->list_runs(1'000, "");
    ASSERT_TRUE(page) << page.error().message;
    for (const Json& run : page->at("runs")) {
      EXPECT_TRUE(store->get_run(run["id"]));
    }
  }
}

// Commits batches of one to three records for ever; says each batch's last index on the pipe once it is durable.
[[noreturn]] void commit_until_killed(const std::string& folder, int pipe) {
  auto store = open_sqlite_store(folder).value();
  const std::uint64_t epoch = store->acquire_epoch().value();
  std::uint64_t next = 1;
  static_cast<void>(store->replay([&next](const JournalRecord& record) {
    next = record.index + 1;
    return Result<void>();
  }));
  while (true) {
    std::vector<core::Event> events(1 + next % 3, lost("a-" + std::to_string(next)));  // one batch, one agent id
    Batch batch = make_batch(epoch, next, events);
    batch.published.push_back({0, "agent.lost", kStartMs, {{"agent", "a-" + std::to_string(next)}}});
    const std::uint64_t last = next + events.size() - 1;
    if (!store->commit(batch) || ::write(pipe, &last, sizeof last) != sizeof last) {
      ::_exit(1);
    }
    next = last + 1;
  }
}

TEST(SqliteStoreCrash, AKillInTheMiddleLosesNothingAcknowledgedAndHalvesNoBatch) {
  const TemporaryFolder folder;
  Random random(3);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      commit_until_killed(folder.path().string(), writing.get());
    }
    writing.reset();
    // Killed after a number of commits, not after a time: always in the middle of the one that follows.
    for (std::uint64_t commits = random.below(12); commits > 0; --commits) {
      ASSERT_EQ(::read(reading.get(), &acknowledged, sizeof acknowledged), ssize_t{sizeof acknowledged});
    }
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (::read(reading.get(), &acknowledged, sizeof acknowledged) == ssize_t{sizeof acknowledged}) {
    }

    auto store = open_sqlite_store(folder.path().string()).value();
    std::map<std::string, std::uint64_t> batches;
    std::uint64_t last = 0;
    ASSERT_TRUE(store->replay([&](const JournalRecord& record) {
      last = record.index;
      ++batches[std::get<core::AgentLost>(record.event).agent.value];
      return Result<void>();
    }));
    EXPECT_GE(last, acknowledged);
    for (const auto& [agent, records] : batches) {
      EXPECT_EQ(records, 1 + std::stoull(agent.substr(2)) % 3) << agent;
    }
    EXPECT_EQ(store->events_after(0, 10'000, "")->size(), batches.size());
  }
  EXPECT_GT(acknowledged, 0U);
}

// Copies the files as a crash of the machine would leave them, with the write-ahead log cut or zeroed from `keep` on.
void copy_torn(const std::filesystem::path& from, const std::filesystem::path& to, std::size_t keep, bool zeroed) {
  std::filesystem::copy_file(from / "luthier.db", to / "luthier.db");
  std::string log = read_file(from / "luthier.db-wal").value();
  const std::size_t bytes = log.size();
  log.resize(std::min(keep, bytes));
  if (zeroed) {
    log.resize(bytes, '\0');
  }
  std::ofstream(to / "luthier.db-wal", std::ios::binary) << log;
}

TEST_F(StoreTest, ATornTailOpensAtTheLastWholeBatch) {
  std::size_t before_bytes = 0;
  for (int i = 0; i < 6; ++i) {
    before_bytes = i == 1 ? std::filesystem::file_size(folder_.path() / "luthier.db-wal") : before_bytes;
    commit({lost("a-1"), lost("a-2")});
  }
  const std::size_t bytes = std::filesystem::file_size(folder_.path() / "luthier.db-wal");
  ASSERT_GT(bytes, before_bytes);
  std::set<std::size_t> lengths;
  for (std::size_t keep = before_bytes; keep <= bytes; keep += 4'099) {
    for (const bool zeroed : {false, true}) {
      SCOPED_TRACE(keep);
      const TemporaryFolder torn;
      copy_torn(folder_.path(), torn.path(), keep, zeroed);
      auto opened = open_sqlite_store(torn.path().string());
      ASSERT_TRUE(opened) << opened.error().message;
      std::size_t records = 0;
      ASSERT_TRUE((*opened)->replay([&records](const JournalRecord&) {
        ++records;
        return Result<void>();
      }));
      EXPECT_GE(records, 2U);
      EXPECT_EQ(records % 2, 0U);
      lengths.insert(records);
    }
  }
  EXPECT_GT(lengths.size(), 2U);
}

TEST_F(StoreTest, AFaultyStoreFailsFromTheChosenCommitOn) {
  for (const auto fault : {FaultyStore::Fault::kNotWritten, FaultyStore::Fault::kWrittenUnanswered}) {
    const std::size_t before = replayed().size();
    FaultyStore faulty(*store_, 2, fault);
    for (int i = 1; i <= 3; ++i) {
      Batch batch = make_batch(epoch_, replayed().size() + 1, {lost("a-1")});
      EXPECT_EQ(faulty.commit(batch).has_value(), i == 1);
    }
    EXPECT_EQ(replayed().size() - before, fault == FaultyStore::Fault::kNotWritten ? 1U : 2U);
  }
}

}  // namespace
}  // namespace luthier::store
