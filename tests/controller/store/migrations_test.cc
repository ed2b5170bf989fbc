#include "controller/store/migrations.h"

#include <array>
#include <fstream>

#include "tests/controller/store/store_fixture.h"

namespace luthier::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class MigrationsTest : public ::testing::Test {
 protected:
  std::unique_ptr<Database> open() {
    auto opened = Database::open(file_, Database::Access::kReadWrite);
    EXPECT_TRUE(opened) << opened.error().message;
    return std::move(opened).value();
  }
  static std::int64_t version(Database& database) { return **database.query_integer("PRAGMA user_version"); }

  TemporaryFolder folder_;
  const std::filesystem::path file_ = folder_.path() / "test.db";
};

constexpr std::array kOne{Migration{1, "CREATE TABLE first (x INTEGER) STRICT; INSERT INTO first VALUES (7);"}};
constexpr std::array kTwo{kOne[0], Migration{2, "ALTER TABLE first ADD COLUMN y INTEGER NOT NULL DEFAULT 3;"}};
constexpr std::array kBroken{kOne[0], Migration{2, "CREATE TABLE second (x INTEGER); CREATE TABLE first (x INTEGER);"}};

TEST_F(MigrationsTest, AnEmptyFileGetsAllOfThemOnce) {
  const auto database = open();
  for (int round = 0; round < 2; ++round) {
    const auto migrated = migrate(*database, kTwo);
    ASSERT_TRUE(migrated) << migrated.error().message;
    EXPECT_EQ(version(*database), 2);
    EXPECT_EQ(**database->query_integer("SELECT sum(x * 10 + y) FROM first"), 73);
  }
}

TEST_F(MigrationsTest, AnOlderFileKeepsItsRows) {
  const auto database = open();
  ASSERT_TRUE(migrate(*database, kOne));
  ASSERT_TRUE(database->run("UPDATE first SET x = 8"));
  ASSERT_TRUE(migrate(*database, kTwo));
  EXPECT_EQ(**database->query_integer("SELECT x * 10 + y FROM first"), 83);
}

TEST_F(MigrationsTest, ANewerFileIsRefusedAndLeftAlone) {
  const auto database = open();
  ASSERT_TRUE(migrate(*database, kTwo));
  const auto refused = migrate(*database, kOne);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("test.db"), HasSubstr("version 2"), HasSubstr("up to 1")));
  EXPECT_EQ(version(*database), 2);
}

TEST_F(MigrationsTest, AMigrationThatFailsChangesNothing) {
  const auto database = open();
  const auto failed = migrate(*database, kBroken);
  ASSERT_FALSE(failed);
  EXPECT_THAT(failed.error().message, AllOf(HasSubstr("version 2"), HasSubstr("test.db"), HasSubstr("first")));
  EXPECT_EQ(version(*database), 1);
  EXPECT_EQ(**database->query_integer("SELECT count(*) FROM sqlite_schema WHERE name = 'second'"), 0);
}

TEST_F(MigrationsTest, OurOwnAreNumberedFromOneWithoutGaps) {
  for (const auto migrations : {control_migrations(), telemetry_migrations()}) {
    int expected = 0;
    for (const Migration& migration : migrations) {
      EXPECT_EQ(migration.version, ++expected);
    }
    EXPECT_GE(expected, 1);
  }
}

TEST(OpenSqliteStore, RefusesANewerSchemaInEitherFile) {
  for (const char* name : {"luthier.db", "telemetry.db"}) {
    SCOPED_TRACE(name);
    const TemporaryFolder folder;
    ASSERT_TRUE(open_sqlite_store(folder.path().string()));
    {
      auto database = Database::open(folder.path() / name, Database::Access::kReadWrite);
      ASSERT_TRUE((*database)->run_script("PRAGMA user_version = 1000"));
    }
    const auto opened = open_sqlite_store(folder.path().string());
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, ErrorCode::kFailedPrecondition);
    EXPECT_THAT(opened.error().message, AllOf(HasSubstr(name), HasSubstr("1000")));
  }
}

TEST(OpenSqliteStore, SaysWhichFileIsNotADatabase) {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "telemetry.db") << std::string(10'000, 'x');
  const auto opened = open_sqlite_store(folder.path().string());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kDataLoss);
  EXPECT_THAT(opened.error().message, HasSubstr("telemetry.db"));
}

TEST(OpenSqliteStore, SaysWhichFolderCannotBeMade) {
  const auto opened = open_sqlite_store("/proc/nowhere");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace luthier::store
