#include "cli/training_speed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::cli {
namespace {

using ::testing::HasSubstr;

Json run_with(const std::vector<std::pair<std::string, std::string>>& steps) {
  Json run = {{"id", "r-3"}, {"steps", Json::array()}};
  for (const auto& [id, uses] : steps) {
    run["steps"].push_back({{"id", id}, {"uses", uses}});
  }
  return run;
}

TEST(TrainingSpeed, MeansTheOnlyTrainingOrTheOneThatIsNamed) {
  const Json one = run_with({{"prepare", "prepare"}, {"train", "train"}});
  const Json two = run_with({{"train[size=1]", "train"}, {"train[size=2]", "train"}});
  EXPECT_EQ(*training_in(one, ""), "train");
  EXPECT_EQ(*training_in(two, "train[size=2]"), "train[size=2]");
  const struct {
    Json run;
    const char* step;
    const char* message;
  } refused[] = {{run_with({{"prepare", "prepare"}}), "", "run r-3 has no train step"},
                 {two, "", "several train steps; name one: r-3/train[size=1], r-3/train[size=2]"},
                 {one, "prepare", "no train step 'prepare'; it has r-3/train"}};
  for (const auto& each : refused) {
    const auto found = training_in(each.run, each.step);
    ASSERT_FALSE(found);
    EXPECT_THAT(found.error().message, HasSubstr(each.message));
  }
}

TEST(TrainingSpeed, IsAMedian) {
  EXPECT_EQ(median_of({7}), 7);
  EXPECT_EQ(median_of({9, 1, 5}), 5);
  EXPECT_EQ(median_of({9, 1, 5, 6}), 5.5);
}

TEST(TrainingSpeed, CountsTheGpusThatTheFileAsksFor) {
  Json run;
  run["yaml"] =
      "name: p\nparams: { n: { type: int, default: 1 } }\nsteps:\n  prepare: { uses: prepare, with: { source: a.csv } "
      "}\n"
      "  train: { uses: train, resources: { gpus: 4 }, with: { model: m, data: \"${{ "
      "steps.prepare.outputs.train }}\", method: { supervised: { n_epochs: \"${{ params.n }}\" } } } }\n";
  run["params"] = {{"n", 3}};
  EXPECT_EQ(gpus_of(run, "train"), 4);
  EXPECT_EQ(gpus_of(run, "prepare"), 0);
  EXPECT_EQ(gpus_of(run, "nobody"), 0);
  EXPECT_EQ(gpus_of(Json{{"yaml", "]"}}, "train"), 0);
}

}  // namespace
}  // namespace luthier::cli
