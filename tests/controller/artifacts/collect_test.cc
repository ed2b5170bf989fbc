#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <atomic>
#include <map>
#include <thread>

#include "base/clock.h"
#include "base/digest/digest.h"
#include "base/random.h"
#include "controller/artifacts/artifacts.h"

namespace luthier::artifacts {
namespace {

using ::testing::HasSubstr;

namespace fs = std::filesystem;

class CollectTest : public ::testing::Test {
 protected:
  CollectTest() : folder_(fs::path(::testing::TempDir()) / ("collect-" + secure_random_hex(8))) {
    store_ = open_local_artifacts(folder_).value();
  }
  ~CollectTest() override { fs::remove_all(folder_); }

  std::string put_blob(const std::string& bytes) {
    const std::string digest = sha256_digest(bytes);
    auto writer = store_->create_blob(digest, bytes.size());
    EXPECT_TRUE(writer);
    EXPECT_TRUE((*writer)->write(bytes));
    EXPECT_TRUE((*writer)->finish());
    return digest;
  }
  static artifact::FileEntry entry(const std::string& path, const std::string& bytes) {
    return {path, sha256_digest(bytes), bytes.size()};
  }
  fs::path path_of(const std::string& digest, bool manifest) const {
    const std::string hex = digest.substr(7);
    return folder_ / (manifest ? "manifests" : "blobs") / hex.substr(0, 2) / (hex + (manifest ? ".json" : ""));
  }
  // As if it had been stored a day ago.
  void age(const fs::path& file) {
    const std::int64_t second = SystemClock().now().wall_ms / 1'000 - 86'400;
    const timespec times[2] = {{second, 0}, {second, 0}};
    ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0) << file;
  }
  void age_all() {
    for (const auto& file : fs::recursive_directory_iterator(folder_)) {
      if (file.is_regular_file()) {
        age(file.path());
      }
    }
  }
  static std::int64_t an_hour_ago() { return SystemClock().now().wall_ms - 3'600'000; }

  const fs::path folder_;
  std::unique_ptr<ArtifactStore> store_;
};

// Random artifacts that share blobs, random references, random ages: what is named or leased stays whole, all else
// goes.
TEST_F(CollectTest, DeletesExactlyWhatNobodyNamesAndNoLeaseKeeps) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    fs::remove_all(folder_);
    store_ = open_local_artifacts(folder_).value();
    Random random(seed);
    const auto text = [](std::uint64_t i) { return "content " + std::to_string(i); };
    std::map<std::string, Manifest> artifacts;
    std::set<std::string> blobs;
    for (int i = 0; i < 8; ++i) {
      Manifest manifest{.kind = "dataset"};
      for (std::uint64_t f = 0; f <= random.below(4); ++f) {
        const std::string bytes = text(random.below(12));
        blobs.insert(put_blob(bytes));
        manifest.files.push_back(entry("f" + std::to_string(f), bytes));
      }
      const std::string digest = store_->put_manifest(manifest).value();
      artifacts[digest] = manifest;
    }
    for (int i = 0; i < 4; ++i) {
      blobs.insert(put_blob(text(100 + random.below(4))));  // in no artifact
    }
    age_all();
    std::set<std::string> live;
    std::set<std::string> kept;  // manifests
    std::set<std::string> kept_blobs;
    for (const auto& [digest, manifest] : artifacts) {
      const std::uint64_t fate = random.below(3);
      if (fate == 0) {
        live.insert(digest);
      } else if (fate == 1) {
        EXPECT_TRUE(store_->get_manifest(digest));  // leased
      }
      if (fate < 2) {
        kept.insert(digest);
        for (const artifact::FileEntry& file : manifest.files) {
          kept_blobs.insert(file.digest);
        }
      }
    }
    for (const std::string& blob : blobs) {
      const std::uint64_t fate = random.below(8);
      if (fate == 0) {
        live.insert(blob);
      } else if (fate == 1) {
        EXPECT_TRUE(store_->has_blob(blob));  // leased
      }
      if (fate < 2) {
        kept_blobs.insert(blob);
      }
    }
    const auto planned = store_->collect(live, an_hour_ago(), true).value();
    for (const std::string& blob : blobs) {
      EXPECT_TRUE(fs::exists(path_of(blob, false)));
    }
    const auto done = store_->collect(live, an_hour_ago(), false).value();
    EXPECT_EQ(done.manifests, artifacts.size() - kept.size());
    EXPECT_EQ(done.blobs, blobs.size() - kept_blobs.size());
    EXPECT_EQ(done.kept_blobs, kept_blobs.size());
    EXPECT_EQ(planned.manifests, done.manifests);
    EXPECT_EQ(planned.blobs, done.blobs);
    EXPECT_EQ(planned.bytes, done.bytes);
    for (const auto& [digest, manifest] : artifacts) {
      EXPECT_EQ(fs::exists(path_of(digest, true)), kept.contains(digest));
    }
    for (const std::string& blob : blobs) {
      EXPECT_EQ(fs::exists(path_of(blob, false)), kept_blobs.contains(blob));
    }
  }
}

// Clients ask which blobs are missing, send those, and store the artifact: that must never fail because of a
// collection.
TEST_F(CollectTest, AnUploadThatFindsItsBlobsHereKeepsThem) {
  constexpr int kRounds = 40;
  constexpr int kBlobs = 5;
  const auto bytes_of = [](int round, int blob) { return std::to_string(round) + " " + std::to_string(blob); };
  for (int round = 0; round < kRounds; ++round) {
    for (int blob = 0; blob < kBlobs; blob += 2) {
      age(path_of(put_blob(bytes_of(round, blob)), false));  // left behind long ago
    }
  }
  std::atomic<bool> done = false;
  std::uint64_t deleted = 0;
  std::thread collecting([&] {
    while (!done) {
      deleted += store_->collect({}, an_hour_ago(), false).value().blobs;
    }
  });
  for (int round = kRounds - 1; round >= 0; --round) {
    Manifest manifest{.kind = "dataset"};
    for (int blob = 0; blob < kBlobs; ++blob) {
      const std::string bytes = bytes_of(round, blob);
      if (!store_->has_blob(sha256_digest(bytes))) {
        put_blob(bytes);
      }
      manifest.files.push_back(entry(std::to_string(blob), bytes));
    }
    const auto stored = store_->put_manifest(manifest);
    EXPECT_TRUE(stored) << stored.error().message;
  }
  done = true;
  collecting.join();
  const auto rest = store_->collect({}, an_hour_ago(), false).value();
  EXPECT_EQ(rest.kept_blobs, static_cast<std::uint64_t>(kRounds * kBlobs));
  EXPECT_EQ(rest.kept_manifests, static_cast<std::uint64_t>(kRounds));
}

TEST_F(CollectTest, ADamagedManifestStopsTheDeletionOfBlobs) {
  put_blob("a");
  const std::string digest = store_->put_manifest({"dataset", {entry("f", "a")}}).value();
  fs::resize_file(path_of(digest, true), 5);
  age_all();
  const auto refused = store_->collect({digest}, an_hour_ago(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kDataLoss);
  EXPECT_TRUE(fs::exists(path_of(sha256_digest("a"), false)));
}

TEST_F(CollectTest, WaitsForABackup) {
  const int lock = ::open((folder_ / "collect.lock").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(::flock(lock, LOCK_SH), 0);
  const auto refused = store_->collect({}, an_hour_ago(), false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_THAT(refused.error().message, HasSubstr("backup"));
  ::close(lock);
  EXPECT_TRUE(store_->collect({}, an_hour_ago(), false));
}

TEST_F(CollectTest, UploadsAreRefusedWhenTheyWouldTakeTheReservedRoom) {
  store_ = open_local_artifacts(folder_, std::uint64_t{1} << 60).value();
  EXPECT_EQ(store_->create_blob(sha256_digest("x"), 1).error().code, ErrorCode::kUnavailable);  // will have room again
  store_ = open_local_artifacts(folder_, 0).value();
  EXPECT_EQ(store_->create_blob(sha256_digest("x"), std::uint64_t{1} << 60).error().code,
            ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace luthier::artifacts
