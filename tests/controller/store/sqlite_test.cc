#include "controller/store/sqlite.h"

#include <atomic>
#include <thread>

#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class SqliteTest : public ::testing::Test {
 protected:
  SqliteTest() {
    database_ = Database::open(file_, Database::Access::kReadWrite).value();
    EXPECT_TRUE(database_->run_script("CREATE TABLE t (id INTEGER PRIMARY KEY, v ANY) STRICT"));
  }
  std::int64_t rows(Database& database) { return **database.query_integer("SELECT count(*) FROM t"); }

  TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "test.db";
  std::unique_ptr<Database> database_;
};

TEST_F(SqliteTest, ValuesReadBackAsTheyWereBound) {
  const std::string text("a\0b\xc3\xa9", 5);
  ASSERT_TRUE(database_->run("INSERT INTO t (v) VALUES (?), (?), (?), (?), (?), (?), (?)", -7, 0.1, text,
                             Blob{std::string_view("\xff\x00", 2)}, std::string(), nullptr,
                             std::optional<std::string>()));
  ASSERT_TRUE(database_->run("INSERT INTO t (v) VALUES (?)", Json{{"k", {1, 2}}}));
  int seen = 0;
  ASSERT_TRUE(database_->query("SELECT v FROM t ORDER BY id", [&](const Row& row) {
    switch (seen++) {
      case 0: EXPECT_EQ(row.integer(0), -7); break;
      case 1: EXPECT_EQ(row.real(0), 0.1); break;
      case 2: EXPECT_EQ(row.text(0), text); break;
      case 3: EXPECT_EQ(row.view(0), std::string_view("\xff\x00", 2)); break;
      case 4: EXPECT_TRUE(!row.is_null(0) && row.text(0).empty()); break;
      case 7: EXPECT_EQ(row.json(0), (Json{{"k", {1, 2}}})); break;
      default: EXPECT_TRUE(row.is_null(0));
    }
  }));
  EXPECT_EQ(seen, 8);
}

TEST_F(SqliteTest, AnErrorNamesTheFileAndTheOperation) {
  ASSERT_TRUE(database_->run("INSERT INTO t (id) VALUES (1)"));
  const auto failed = database_->run("INSERT INTO t (id) VALUES (?)", 1);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, AllOf(HasSubstr("test.db"), HasSubstr("INSERT INTO t"), HasSubstr("UNIQUE")));
  EXPECT_TRUE(database_->run("INSERT INTO t (id) VALUES (?)", 2));  // the statement can be used again
  EXPECT_FALSE(database_->run("SELECT nonsense"));
}

TEST_F(SqliteTest, TheErrorOfARowEndsTheQuery) {
  ASSERT_TRUE(database_->run("INSERT INTO t (id) VALUES (1), (2), (3)"));
  int seen = 0;
  const auto failed = database_->query("SELECT id FROM t", [&](const Row&) -> Result<void> {
    ++seen;
    return Error{ErrorCode::kCancelled, "enough"};
  });
  EXPECT_EQ(failed.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(seen, 1);
}

TEST_F(SqliteTest, ATransactionThatIsNotCommittedChangesNothing) {
  {
    auto transaction = Transaction::begin(*database_, Transaction::Kind::kWrite);
    ASSERT_TRUE(transaction);
    ASSERT_TRUE(database_->run("INSERT INTO t (id) VALUES (1)"));
  }
  EXPECT_EQ(rows(*database_), 0);
}

TEST_F(SqliteTest, ALeaseSeesOneMomentAndCannotWrite) {
  ReadPool pool(file_, 2);
  auto lease = pool.take();
  ASSERT_TRUE(lease) << lease.error().message;
  EXPECT_EQ(rows(**lease), 0);
  ASSERT_TRUE(database_->run("INSERT INTO t (id) VALUES (1)"));  // a reader does not hold a writer back
  EXPECT_EQ(rows(**lease), 0);
  EXPECT_FALSE((*lease)->run("INSERT INTO t (id) VALUES (2)"));
  auto later = pool.take();
  EXPECT_EQ(rows(**later), 1);
}

TEST_F(SqliteTest, ThePoolSharesItsConnections) {
  ReadPool pool(file_, 2);
  std::atomic<int> out = 0;
  std::atomic<int> most = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        auto lease = pool.take();
        ASSERT_TRUE(lease);
        const int now_out = ++out;
        for (int seen = most; seen < now_out && !most.compare_exchange_weak(seen, now_out);) {
        }
        EXPECT_EQ(rows(**lease), 0);
        --out;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LE(most, 2);
}

TEST_F(SqliteTest, CommitsAreDurableSettings) {
  EXPECT_EQ(**database_->query_integer("PRAGMA synchronous"), 2);  // FULL
  EXPECT_EQ(**database_->query_integer("PRAGMA foreign_keys"), 1);
  std::string mode;
  ASSERT_TRUE(database_->query("PRAGMA journal_mode", [&mode](const Row& row) { mode = row.text(0); }));
  EXPECT_EQ(mode, "wal");
}

}  // namespace
}  // namespace luthier::store
