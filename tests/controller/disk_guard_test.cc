#include "controller/disk_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::controller {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kGibibyte = std::uint64_t{1} << 30;

TEST(DiskGuard, SaysWhenRoomIsShortAndWhenItIsEnoughAgain) {
  Result<DiskSpace> space = DiskSpace{5 * kGibibyte, 100 * kGibibyte};
  DiskGuard guard([&space] { return space; }, 2 * kGibibyte);
  EXPECT_THAT(guard.look(), IsEmpty());
  EXPECT_TRUE(guard.readiness());
  space->free_bytes = 2 * kGibibyte;
  EXPECT_THAT(guard.look(), IsEmpty());
  space->free_bytes = 2 * kGibibyte - 1;
  EXPECT_THAT(guard.look(), AllOf(HasSubstr("of 100.0 GiB are free"), HasSubstr("2.0 GiB are needed")));
  EXPECT_THAT(guard.readiness().error().message, HasSubstr("almost full"));
  space->free_bytes = 2 * kGibibyte + 1;  // not enough yet: it would flicker
  EXPECT_THAT(guard.look(), HasSubstr("2.2 GiB are needed"));
  space->free_bytes = 3 * kGibibyte;
  EXPECT_THAT(guard.look(), IsEmpty());
  EXPECT_TRUE(guard.readiness());
}

TEST(DiskGuard, ADiskThatCannotBeAskedHasNoRoom) {
  DiskGuard guard([]() -> Result<DiskSpace> { return Error{ErrorCode::kInternal, "no such disk"}; }, 1);
  EXPECT_EQ(guard.look(), "no such disk");
  EXPECT_EQ(guard.low(), "no such disk");
}

TEST(DiskGuard, TheDefaultIsAShareOfTheDiskWithinBounds) {
  EXPECT_EQ(default_free_bytes_min(10 * kGibibyte), kGibibyte);
  EXPECT_EQ(default_free_bytes_min(200 * kGibibyte), 4 * kGibibyte);
  EXPECT_EQ(default_free_bytes_min(100'000 * kGibibyte), 10 * kGibibyte);
}

TEST(DiskGuard, TheProbeAsksTheFolderSDisk) {
  const Result<DiskSpace> space = disk_probe_of("/")();
  ASSERT_TRUE(space);
  EXPECT_GT(space->total_bytes, space->free_bytes);
  EXPECT_FALSE(disk_probe_of("/no/such/folder")());
}

}  // namespace
}  // namespace luthier::controller
