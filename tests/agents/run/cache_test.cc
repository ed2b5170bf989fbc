#include "agents/run/cache.h"

#include "tests/agents/run/fake_blobs.h"
#include "tests/agents/run/folder_fixture.h"

namespace luthier::agents {
namespace {

using ::testing::ElementsAre;

class CacheTest : public FolderTest {
 protected:
  const AttemptId attempt_{RunId{"r-1"}, StepId{"train"}, 1};
  FakeBlobs blobs_;
  Cancel cancel_;
};

TEST_F(CacheTest, makes_a_read_only_folder_of_an_artifact) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string digest = blobs_.add("dataset", {{"data.jsonl", "one\n"}, {"deep/er/file", "two"}});
  auto cached = cache.fetch(digest, attempt_, cancel_);
  ASSERT_TRUE(cached) << cached.error().message;
  EXPECT_EQ(cached->kind, "dataset");
  EXPECT_EQ(get(cached->path / "data.jsonl"), "one\n");
  EXPECT_EQ(get(cached->path / "deep/er/file"), "two");
  EXPECT_EQ(std::filesystem::status(cached->path / "data.jsonl").permissions() & std::filesystem::perms::owner_write,
            std::filesystem::perms::none);
  EXPECT_EQ(cache.digest_of(cached->path), digest);
  EXPECT_EQ(cache.digest_of(cached->path.parent_path()), "");
}

TEST_F(CacheTest, goes_on_where_a_download_broke) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string digest = blobs_.add("dataset", {{"data.jsonl", std::string(1'000, 'x')}});
  blobs_.breaks_left = 2;
  ASSERT_TRUE(cache.fetch(digest, attempt_, cancel_));
  EXPECT_THAT(blobs_.offsets, ElementsAre(0, 500, 750));
}

TEST_F(CacheTest, downloads_once_and_shares_files_between_artifacts) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string first = blobs_.add("a", {{"file", "content"}});
  const std::string second = blobs_.add("b", {{"same", "content"}});
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] { EXPECT_TRUE(cache.fetch(index % 2 == 0 ? first : second, attempt_, cancel_)); });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(blobs_.offsets.size(), 1u);
}

TEST_F(CacheTest, waits_for_a_controller_that_is_away) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string digest = blobs_.add("a", {{"file", "content"}});
  blobs_.outages_left = 3;
  EXPECT_TRUE(cache.fetch(digest, attempt_, cancel_));
}

TEST_F(CacheTest, gives_up_when_told_to) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string digest = blobs_.add("a", {{"file", "content"}});
  blobs_.outages_left = 1'000'000;
  std::thread canceller([&] { cancel_.set(); });
  auto cached = cache.fetch(digest, attempt_, cancel_);
  canceller.join();
  ASSERT_FALSE(cached);
  EXPECT_EQ(cached.error().code, ErrorCode::kCancelled);
}

TEST_F(CacheTest, refuses_wrong_bytes_and_unknown_artifacts) {
  ArtifactCache cache(folder_, blobs_, 1 << 20);
  const std::string digest = blobs_.add("a", {{"file", "content"}});
  blobs_.corrupt = true;
  auto corrupt = cache.fetch(digest, attempt_, cancel_);
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().code, ErrorCode::kDataLoss);
  auto unknown = cache.fetch(sha256_digest("nothing"), attempt_, cancel_);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  auto malformed = cache.fetch("../../etc", attempt_, cancel_);
  ASSERT_FALSE(malformed);
  EXPECT_EQ(malformed.error().code, ErrorCode::kInvalidArgument);
}

TEST_F(CacheTest, evicts_what_is_not_pinned_least_recently_used_first) {
  ArtifactCache cache(folder_, blobs_, 2'500);
  const AttemptId other{RunId{"r-2"}, StepId{"train"}, 1};
  const AttemptId third{RunId{"r-3"}, StepId{"train"}, 1};
  const std::string pinned = blobs_.add("a", {{"file", std::string(1'000, 'a')}});
  const std::string idle = blobs_.add("a", {{"file", std::string(1'000, 'b')}});
  const std::string last = blobs_.add("a", {{"file", std::string(1'000, 'c')}});
  const std::string next = blobs_.add("a", {{"file", std::string(1'000, 'd')}});
  const auto pinned_path = cache.fetch(pinned, attempt_, cancel_).value().path;
  const auto idle_path = cache.fetch(idle, other, cancel_).value().path;
  const auto last_path = cache.fetch(last, third, cancel_).value().path;
  std::filesystem::last_write_time(idle_path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  std::filesystem::last_write_time(last_path, std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  cache.unpin(other);
  cache.unpin(third);
  ASSERT_TRUE(cache.fetch(next, attempt_, cancel_));
  EXPECT_TRUE(std::filesystem::exists(pinned_path));
  EXPECT_FALSE(std::filesystem::exists(idle_path));
  EXPECT_TRUE(std::filesystem::exists(last_path));
  EXPECT_TRUE(cache.fetch(idle, attempt_, cancel_));  // comes back when it is needed
}

}  // namespace
}  // namespace luthier::agents
