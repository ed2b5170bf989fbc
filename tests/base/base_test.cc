#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/clock.h"
#include "base/digest/digest.h"
#include "base/file.h"
#include "base/ids.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"

namespace luthier {
namespace {

Result<int> half(int value) {
  if (value % 2 != 0) {
    return Error{ErrorCode::kInvalidArgument, std::to_string(value) + " is odd"};
  }
  return value / 2;
}

Result<int> quarter(int value) {
  LUTHIER_TRY(const int halved, half(value));
  return half(halved);
}

TEST(Result, TryReturnsTheFirstError) {
  EXPECT_EQ(quarter(8).value(), 2);
  EXPECT_EQ(quarter(6).error().message, "3 is odd");
  EXPECT_EQ(std::move(quarter(6).error()).with("quarter").message, "quarter: 3 is odd");
}

TEST(ResultDeathTest, ReadingTheWrongSideAborts) { EXPECT_DEATH((void)quarter(6).value(), "check failed"); }

TEST(Digest, Sha256MatchesTheStandardsExample) {
  // FIPS 180-4 example: "abc".
  EXPECT_EQ(sha256_digest("abc"), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_TRUE(is_sha256_digest(sha256_digest("")));
  EXPECT_FALSE(is_sha256_digest("sha256:xyz"));
  EXPECT_FALSE(is_sha256_digest("sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
}

TEST(Digest, ConstantTimeCompareComparesLengthsToo) {
  EXPECT_TRUE(equal_in_constant_time("abc", "abc"));
  EXPECT_FALSE(equal_in_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_in_constant_time("abc", "ab"));
}

TEST(Clock, FormatsUtcWithMilliseconds) {
  EXPECT_EQ(format_utc(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(format_utc(1'700'000'000'123), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(format_utc(-1), "1969-12-31T23:59:59.999Z");
}

TEST(Random, IsTheSameSequenceEverywhereAndStaysBelowItsBound) {
  Random a(42);
  Random b(42);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(a.next(), b.next());
    EXPECT_LT(a.below(7), 7U);
    const double uniform = a.uniform();
    EXPECT_TRUE(uniform >= 0 && uniform < 1);
    b = a;
  }
  // Known answer, so that a change of algorithm cannot pass unseen.
  EXPECT_EQ(Random(42).next(), 1546998764402558742ULL);
}

TEST(File, AtomicWriteReplacesTheWholeContent) {
  const auto folder = std::filesystem::temp_directory_path() / ("luthier-base-" + std::to_string(::getpid()));
  ASSERT_TRUE(create_folders(folder / "a" / "b"));
  const auto path = folder / "a" / "b" / "file";
  ASSERT_TRUE(write_file_atomically(path, "first, a longer text"));
  ASSERT_TRUE(write_file_atomically(path, "second", 0600));
  EXPECT_EQ(read_file(path).value(), "second");
  EXPECT_EQ(std::filesystem::status(path).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(read_file(path, 3).error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(read_file(folder / "absent").error().code, ErrorCode::kNotFound);
  std::filesystem::remove_all(folder);
}

TEST(Log, WritesOneJsonLineWithEscapes) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ManualClock clock;
  clock.set(Now{0, 0});
  Log log(clock, Log::Options{.fd = ends[1]});
  log.debug("dropped");
  log.info("said", {{"what", "a \"quote\"\nand\x01"}});
  ::close(ends[1]);
  std::string line(4096, '\0');
  line.resize(static_cast<std::size_t>(::read(ends[0], line.data(), line.size())));
  ::close(ends[0]);
  EXPECT_EQ(line,
            "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"said\","
            "\"what\":\"a \\\"quote\\\"\\nand\\u0001\"}\n");
}

TEST(Ids, AttemptsOrderByNumberLast) {
  const AttemptId first{{"r-1"}, {"train"}, 1};
  const AttemptId second{{"r-1"}, {"train"}, 2};
  EXPECT_LT(first, second);
  EXPECT_EQ(to_string(second), "r-1/train/2");
}

}  // namespace
}  // namespace luthier
