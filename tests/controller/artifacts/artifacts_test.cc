#include "controller/artifacts/artifacts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <thread>
#include <vector>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::artifacts {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ArtifactsTest : public ::testing::Test {
 protected:
  ArtifactsTest() : folder_(fs::path(::testing::TempDir()) / ("artifacts-" + secure_random_hex(8))) { reopen(); }
  ~ArtifactsTest() override {
    store_.reset();
    fs::remove_all(folder_);
  }

  void reopen() {
    auto opened = open_local_artifacts(folder_);
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = std::move(opened).value();
  }
  // Stores `bytes`, announced under `digest` and `announced` bytes, in pieces of seven.
  Result<void> put(const std::string& bytes, const std::string& digest, std::uint64_t announced) {
    LUTHIER_TRY(const auto writer, store_->create_blob(digest, announced));
    for (std::size_t at = 0; at < bytes.size(); at += 7) {
      LUTHIER_TRY_VOID(writer->write(std::string_view(bytes).substr(at, 7)));
    }
    return writer->finish();
  }
  std::string put(const std::string& bytes) {
    const std::string digest = sha256_digest(bytes);
    const auto stored = put(bytes, digest, bytes.size());
    EXPECT_TRUE(stored) << stored.error().message;
    return digest;
  }
  std::string read_back(const std::string& digest) {
    auto file = store_->open_blob(digest);
    EXPECT_TRUE(file) << file.error().message;
    auto bytes = read_file("/proc/self/fd/" + std::to_string(file->get()));
    EXPECT_TRUE(bytes);
    return *bytes;
  }
  std::ptrdiff_t files_in(const std::string& subfolder) const {
    std::ptrdiff_t count = 0;
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / subfolder)) {
      count += entry.is_regular_file() ? 1 : 0;
    }
    return count;
  }

  const fs::path folder_;
  std::unique_ptr<ArtifactStore> store_;
};

TEST_F(ArtifactsTest, ABlobReadsBackAlsoAfterReopening) {
  for (const std::string& bytes : {std::string("hello, blob"), std::string(), std::string(100'000, 'x')}) {
    const std::string digest = put(bytes);
    reopen();
    EXPECT_TRUE(store_->has_blob(digest));
    EXPECT_EQ(read_back(digest), bytes);
    EXPECT_EQ(*store_->blob_bytes(digest), bytes.size());
  }
  EXPECT_EQ(files_in("incoming"), 0);
}

TEST_F(ArtifactsTest, WhatWasNotPromisedIsRefusedAndLeavesNothing) {
  const std::string digest = sha256_digest("hello, blob");
  struct Case {
    std::string name, bytes;
    std::uint64_t announced;
    std::string message;
  };
  for (const Case& c : {
           Case{"other bytes", "hello, blub", 11, "damaged"},
           Case{"too short", "hello, blo", 11, "10 of 11"},
           Case{"too long", "hello, blob!", 11, "longer than the 11"},
           Case{"empty", "", 11, "0 of 11"},
           Case{"wrong length announced", "hello, blob", 12, "11 of 12"},
       }) {
    SCOPED_TRACE(c.name);
    const auto stored = put(c.bytes, digest, c.announced);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, ErrorCode::kDataLoss);
    EXPECT_THAT(stored.error().message, HasSubstr(c.message));
    EXPECT_FALSE(store_->has_blob(digest));
    EXPECT_EQ(files_in(""), 0);
  }
}

TEST_F(ArtifactsTest, MalformedDigestsNeverBecomePaths) {
  const std::string hex(64, 'a');
  for (const std::string& digest :
       {std::string(), hex, "sha256:" + hex.substr(1), "sha256:../" + hex.substr(3), "sha256:" + std::string(64, 'A'),
        "sha256:" + hex + "/", "md5:" + hex, std::string("../../etc/passwd")}) {
    SCOPED_TRACE(digest);
    EXPECT_FALSE(store_->has_blob(digest));
    EXPECT_EQ(store_->create_blob(digest, 1).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->open_blob(digest).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->blob_bytes(digest).error().code, ErrorCode::kInvalidArgument);
    EXPECT_EQ(store_->get_manifest(digest).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST_F(ArtifactsTest, AnUnknownDigestIsNotFound) {
  const std::string digest = sha256_digest("nobody stored this");
  EXPECT_EQ(store_->open_blob(digest).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->blob_bytes(digest).error().code, ErrorCode::kNotFound);
  EXPECT_EQ(store_->get_manifest(digest).error().code, ErrorCode::kNotFound);
}

TEST_F(ArtifactsTest, MoreThanTheDiskHoldsIsRefusedBeforeTheFirstByte) {
  const auto writer = store_->create_blob(sha256_digest("x"), std::uint64_t{1} << 62);
  ASSERT_FALSE(writer);
  EXPECT_EQ(writer.error().code, ErrorCode::kResourceExhausted);
  EXPECT_EQ(files_in("incoming"), 0);
}

TEST_F(ArtifactsTest, AWriterDroppedHalfwayLeavesNothing) {
  {
    auto writer = store_->create_blob(sha256_digest("abc"), 3);
    ASSERT_TRUE(writer);
    ASSERT_TRUE((*writer)->write("ab"));
    EXPECT_EQ(files_in("incoming"), 1);
  }
  EXPECT_EQ(files_in(""), 0);
}

TEST_F(ArtifactsTest, ABlobThatIsAlreadyThereIsAcceptedAgain) {
  const std::string digest = put("twice");
  EXPECT_TRUE(put("twice", digest, 5));
  EXPECT_TRUE(put("", digest, 5));  // the bytes need not be sent again
  EXPECT_EQ(read_back(digest), "twice");
  EXPECT_EQ(files_in("blobs"), 1);
}

TEST_F(ArtifactsTest, ConcurrentWritersOfOneBlobAllSucceed) {
  const std::string bytes(200'000, 'c');
  const std::string digest = sha256_digest(bytes);
  std::vector<std::unique_ptr<BlobWriter>> writers;
  for (int i = 0; i < 4; ++i) {  // all open before any finishes
    writers.push_back(store_->create_blob(digest, bytes.size()).value());
  }
  std::vector<std::thread> threads;
  std::atomic<int> stored = 0;
  for (auto& writer : writers) {
    threads.emplace_back([&bytes, &stored, &writer] { stored += writer->write(bytes) && writer->finish() ? 1 : 0; });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(stored, 4);
  EXPECT_EQ(read_back(digest), bytes);
  EXPECT_EQ(files_in("incoming"), 0);
}

TEST_F(ArtifactsTest, WhatACrashLeftIsRemovedOnOpening) {
  const std::string kept = put("kept");
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto writer = store_->create_blob(sha256_digest("lost"), 4);
    if (writer && (*writer)->write("lo")) {
      ::raise(SIGKILL);
    }
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(files_in("incoming"), 1);
  reopen();
  EXPECT_EQ(files_in("incoming"), 0);
  EXPECT_EQ(read_back(kept), "kept");
}

TEST_F(ArtifactsTest, AManifestReadsBackUnderItsDigest) {
  const Manifest manifest{"dataset", {{"a/data.jsonl", put("{}"), 2}, {"b", put("bb"), 2}}};
  auto digest = store_->put_manifest(manifest);
  ASSERT_TRUE(digest) << digest.error().message;
  EXPECT_EQ(*digest, artifact::manifest_digest(manifest));
  EXPECT_EQ(*store_->put_manifest(manifest), *digest);
  reopen();
  EXPECT_EQ(*store_->get_manifest(*digest), manifest);
}

TEST_F(ArtifactsTest, AManifestOfWhatIsNotThereIsRefused) {
  const std::string here = put("here");
  const std::string missing = sha256_digest("missing");
  struct Case {
    std::string name;
    Manifest manifest;
    ErrorCode code;
    std::string message;
  };
  for (const Case& c : {
           Case{"missing blob",
                {"dataset", {{"a", here, 4}, {"b", missing, 7}}},
                ErrorCode::kFailedPrecondition,
                missing},
           Case{"wrong length", {"dataset", {{"a", here, 5}}}, ErrorCode::kInvalidArgument, "5 bytes"},
           Case{"no files", {"dataset", {}}, ErrorCode::kInvalidArgument, "1 to"},
           Case{"path that climbs", {"dataset", {{"../a", here, 4}}}, ErrorCode::kInvalidArgument, "../a"},
           Case{"same path twice", {"dataset", {{"a", here, 4}, {"a", here, 4}}}, ErrorCode::kInvalidArgument, "twice"},
       }) {
    SCOPED_TRACE(c.name);
    const auto stored = store_->put_manifest(c.manifest);
    ASSERT_FALSE(stored);
    EXPECT_EQ(stored.error().code, c.code);
    EXPECT_THAT(stored.error().message, HasSubstr(c.message));
    EXPECT_EQ(files_in("manifests"), 0);
  }
}

TEST_F(ArtifactsTest, ADamagedManifestIsReportedNotReturned) {
  const std::string digest = *store_->put_manifest({"dataset", {{"a", put("a"), 1}}});
  const std::string hex = digest.substr(7);
  std::ofstream(folder_ / "manifests" / hex.substr(0, 2) / (hex + ".json"), std::ios::app) << " ";
  EXPECT_EQ(store_->get_manifest(digest).error().code, ErrorCode::kDataLoss);
}

TEST(OpenLocalArtifacts, AFolderThatCannotBeMadeIsNamed) {
  const auto opened = open_local_artifacts("/proc/nowhere");
  ASSERT_FALSE(opened);
  EXPECT_THAT(opened.error().message, HasSubstr("/proc/nowhere"));
}

}  // namespace
}  // namespace luthier::artifacts
