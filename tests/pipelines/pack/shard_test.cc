#include "pipelines/pack/shard.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/random.h"

namespace luthier::pack {
namespace {

class Shards : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "luthier-pack.XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& content) {
    const auto path = folder_ / "shard-00000.pack";
    EXPECT_TRUE(write_file_atomically(path, content));
    return path;
  }
  std::filesystem::path folder_;
};

Sample sample_of(std::uint64_t id, std::vector<TokenId> tokens, std::vector<bool> trained) {
  return {id, std::move(tokens), std::move(trained)};
}

std::string two_bins(std::uint32_t token_bytes) {
  const Sample a = sample_of(7, {1, 2, 300}, {false, true, true});
  const Sample b = sample_of(1, {65'535}, {true});
  const Sample c = sample_of(9, {4, 5, 6, 7}, {false, false, false, true});
  ShardWriter writer(4, token_bytes, 5);
  writer.add_bin({&a, &b});
  writer.add_bin({&c});
  EXPECT_EQ(writer.finish().size(), writer.bytes());
  return writer.finish();
}

TEST_F(Shards, GiveBackWhatWasWritten) {
  for (const std::uint32_t token_bytes : {2U, 4U}) {
    const auto shard = Shard::open(write(two_bins(token_bytes)));
    ASSERT_TRUE(shard) << shard.error().message;
    EXPECT_EQ(shard->bins(), 2u);
    EXPECT_EQ(shard->first_bin(), 5u);
    EXPECT_EQ(shard->budget(), 4u);
    EXPECT_EQ(shard->tokens(), 8u);
    const auto first = shard->read_bin(0);
    ASSERT_EQ(first.size(), 2u);
    EXPECT_EQ(first[0].id, 7u);
    EXPECT_EQ(first[0].tokens, (std::vector<TokenId>{1, 2, 300}));
    EXPECT_EQ(first[0].trained, (std::vector<bool>{false, true, true}));
    EXPECT_EQ(first[1].tokens, (std::vector<TokenId>{65'535}));
    const auto second = shard->read_bin(1);
    ASSERT_EQ(second.size(), 1u);
    EXPECT_EQ(second[0].id, 9u);
    EXPECT_EQ(second[0].trained, (std::vector<bool>{false, false, false, true}));
  }
}

TEST_F(Shards, DamageIsFoundOrHarmless) {
  const std::string whole = two_bins(2);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    EXPECT_FALSE(Shard::open(write(whole.substr(0, cut)))) << cut;
  }
  Random random(3);
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    const auto shard = Shard::open(write(damaged));
    if (!shard) {
      ++refused;
      EXPECT_EQ(shard.error().code, ErrorCode::kDataLoss);
      continue;
    }
    for (std::uint64_t bin = 0; bin < shard->bins(); ++bin) {
      (void)shard->read_bin(bin);
    }
  }
  EXPECT_GT(refused, 50);
  EXPECT_FALSE(Shard::open(folder_));
  EXPECT_FALSE(Shard::open(folder_ / "missing"));
}

TEST(BinsOfWorker, EveryStepHasTheSameBinsWhateverTheNumberOfWorkers) {
  for (std::uint64_t step = 0; step < 5; ++step) {
    const auto alone = bins_of_worker(18, 4, step, 0, 1);
    EXPECT_EQ(alone.size(), step < 4 ? 4u : 2u);
    for (std::uint64_t workers = 2; workers < 6; ++workers) {
      std::vector<std::uint64_t> together;
      for (std::uint64_t worker = 0; worker < workers; ++worker) {
        const auto share = bins_of_worker(18, 4, step, worker, workers);
        together.insert(together.end(), share.begin(), share.end());
      }
      std::sort(together.begin(), together.end());
      EXPECT_EQ(together, alone);
    }
  }
}

}  // namespace
}  // namespace luthier::pack
