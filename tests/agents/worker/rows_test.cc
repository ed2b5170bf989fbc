#include "agents/worker/formats/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "agents/worker/formats/dataset.h"
#include "agents/worker/train/batches.h"
#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

pack::Sample sample(std::uint64_t id, std::vector<TokenId> tokens) {
  std::vector<bool> trained(tokens.size(), true);
  trained.front() = false;
  return {id, std::move(tokens), std::move(trained)};
}

// Two rows: of two samples, and of one.
std::filesystem::path shards(const TemporaryFolder& folder, const std::string& name, const std::string& seed = "1") {
  pack::ShardWriter writer(8, 2, 0);
  const pack::Sample first = sample(0, {1, 2, 3});
  const pack::Sample second = sample(2, {4, 5});
  const pack::Sample third = sample(1, {6, 7, 8, 9, 10, 11});
  writer.add_bin({&first, &second});
  writer.add_bin({&third});
  folder.write(name + "/shard-00000.pack", writer.finish());
  folder.write(name + "/pack.json",
               R"({"tokenizer":"sha256:a","seed":)" + seed + R"(,"shards":[{"file":"shard-00000.pack"}]})");
  return folder.path() / name;
}

TEST(Rows, OfShardsHoldTheirSamplesAsExamples) {
  const TemporaryFolder folder;
  const auto rows = Rows::open_pack(shards(folder, "p"), {"sha256:a", 5, 12});
  ASSERT_TRUE(rows) << rows.error().message;
  EXPECT_TRUE(rows->is_packed());
  EXPECT_EQ(rows->lengths(), (std::vector<std::int64_t>{3, 5}));  // the last token of a sample is only asked for
  const auto row = rows->read(0);
  ASSERT_TRUE(row);
  ASSERT_EQ(row->size(), 2u);
  EXPECT_EQ((*row)[1].ids, (std::vector<TokenId>{4, 5}));
  EXPECT_EQ((*row)[0].supervised_count(), 2);
  const auto other = Rows::open_pack(shards(folder, "q", "2"), {"sha256:a", 5, 12});
  ASSERT_TRUE(other);
  EXPECT_NE(rows->fingerprint(), other->fingerprint());
}

TEST(Rows, OfShardsThatDoNotFitTheModelAreRefused) {
  const TemporaryFolder folder;
  const std::filesystem::path packed = shards(folder, "p");
  const struct {
    Rows::PackOptions options;
    const char* message;
  } cases[] = {
      {{"sha256:b", 5, 12}, "packed with the tokenizer sha256:a, but the model's is sha256:b"},
      {{"sha256:a", 4, 12}, "a sample has 6 tokens, but this training takes 4 at once: pack the data in rows of at"},
  };
  for (const auto& test_case : cases) {
    const auto rows = Rows::open_pack(packed, test_case.options);
    ASSERT_FALSE(rows);
    EXPECT_THAT(rows.error().message, HasSubstr(test_case.message));
  }
  const auto rows = Rows::open_pack(packed, {"sha256:a", 5, 11});
  ASSERT_TRUE(rows);
  EXPECT_TRUE(rows->read(0));
  const auto unknown = rows->read(1);
  ASSERT_FALSE(unknown);
  EXPECT_THAT(unknown.error().message, HasSubstr("row 1 of the shards holds the token 11"));
}

TEST(Rows, OfShardsAreNoRecordsToEvaluate) {
  const TemporaryFolder folder;
  const auto tokenizer = text::Tokenizer::load(LUTHIER_SOURCE_DIR "/tests/golden/worker/llama");
  ASSERT_TRUE(tokenizer);
  const auto read = read_dataset(shards(folder, "p"), *tokenizer, {.input_length_max = 8});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("holds packed rows, which only a training takes"));
}

TEST(Rows, OfExamplesAreTheExamples) {
  const Rows rows({example_trained_from(1, {1, 2, 3}), example_trained_from(2, {4, 5, 6, 7})});
  EXPECT_FALSE(rows.is_packed());
  EXPECT_EQ(rows.lengths(), (std::vector<std::int64_t>{2, 3}));
  EXPECT_EQ(rows.read(1)->front().ids, (std::vector<TokenId>{4, 5, 6, 7}));
}

TEST(PackedBatches, AreTheBinsOfOneWorkerStepByStep) {
  EXPECT_EQ(packed_batches(5, 2), (std::vector<Batch>{{0, 1}, {2, 3}, {4}}));
  for (std::size_t step = 0; step < 3; ++step) {
    std::vector<std::uint64_t> together;
    for (std::uint64_t worker = 0; worker < 3; ++worker) {
      const auto bins = pack::bins_of_worker(5, 2, step, worker, 3);
      together.insert(together.end(), bins.begin(), bins.end());
    }
    const Batch batch = packed_batches(5, 2)[step];
    EXPECT_THAT(together, testing::UnorderedElementsAreArray(batch.begin(), batch.end()));
  }
}

}  // namespace
}  // namespace luthier::worker
