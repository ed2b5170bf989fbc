// The bootstrap against tests/golden/bootstrap/expected.json (NumPy and SciPy) and its edges.
#include "base/paired_bootstrap.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/file.h"

namespace luthier {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;

std::vector<ScorePart> parts(const Json& pairs) {
  std::vector<ScorePart> read;
  for (const Json& pair : pairs) {
    read.push_back({pair[0], pair[1]});
  }
  return read;
}

Json goldens() {
  const auto text = read_file(LUTHIER_SOURCE_DIR "/tests/golden/bootstrap/expected.json");
  return text ? Json::parse(*text) : Json::array();
}

TEST(PairedBootstrap, EqualsNumPyOnTheSameDraws) {
  const Json cases = goldens();
  ASSERT_GE(cases.size(), 5U);
  for (const Json& golden : cases) {
    const auto found = paired_bootstrap(parts(golden["first"]), parts(golden["second"]),
                                        {golden["resamples"], golden["confidence"], golden["seed"]});
    ASSERT_TRUE(found) << golden["name"];
    EXPECT_NEAR(found->difference, golden["difference"].get<double>(), 1e-12) << golden["name"];
    EXPECT_NEAR(found->interval.low, golden["exact"][0].get<double>(), 1e-12) << golden["name"];
    EXPECT_NEAR(found->interval.high, golden["exact"][1].get<double>(), 1e-12) << golden["name"];
  }
}

TEST(PairedBootstrap, AgreesWithSciPyUpToChance) {
  for (const Json& golden : goldens()) {
    const auto found =
        paired_bootstrap(parts(golden["first"]), parts(golden["second"]), {10'000, golden["confidence"], 99});
    ASSERT_TRUE(found) << golden["name"];
    const double low = golden["scipy"][0];
    const double high = golden["scipy"][1];
    const double slack = 0.06 * (high - low) + 1e-12;  // 10,000 resamples move a 95% bound by about 2% of the width
    EXPECT_NEAR(found->interval.low, low, slack) << golden["name"];
    EXPECT_NEAR(found->interval.high, high, slack) << golden["name"];
  }
}

TEST(PairedBootstrap, OfEqualModelsTheIntervalIsNothing) {
  const std::vector<ScorePart> same{{1, 1}, {0, 1}, {1, 1}};
  const auto found = paired_bootstrap(same, same, {});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->difference, 0);
  EXPECT_EQ(found->interval.low, 0);
  EXPECT_EQ(found->interval.high, 0);
}

TEST(PairedBootstrap, RefusesWhatCannotBePaired) {
  EXPECT_THAT(paired_bootstrap({{1, 1}}, {}, {}).error().message, HasSubstr("1 and 0 examples"));
  EXPECT_THAT(paired_bootstrap({}, {}, {}).error().message, HasSubstr("no examples"));
  EXPECT_THAT(paired_bootstrap({{1, 1}}, {{1, 1}}, {.resamples = 0}).error().message, HasSubstr("resamples"));
  for (const double confidence : {0.0, 1.0, -1.0}) {
    EXPECT_THAT(paired_bootstrap({{1, 1}}, {{1, 1}}, {.confidence = confidence}).error().message,
                HasSubstr("confidence"));
  }
}

TEST(BootstrapInterval, HoldsTheMetricAndNarrowsWithExamples) {
  std::vector<ScorePart> few;
  for (int i = 0; i < 20; ++i) {
    few.push_back({i % 4 == 0 ? 0.0 : 1.0, 1});
  }
  std::vector<ScorePart> many;
  for (int i = 0; i < 20; ++i) {
    many.insert(many.end(), few.begin(), few.end());
  }
  const auto wide = bootstrap_interval(few, {});
  const auto narrow = bootstrap_interval(many, {});
  ASSERT_TRUE(wide && narrow);
  EXPECT_LT(wide->low, 0.75);
  EXPECT_GT(wide->high, 0.75);
  EXPECT_LT(narrow->high - narrow->low, 0.4 * (wide->high - wide->low));
}

TEST(Quantile, LiesBetweenTheNeighbours) {
  EXPECT_EQ(quantile({1, 2, 4}, 0.5), 2);
  EXPECT_EQ(quantile({1, 2, 4}, 0.75), 3);
  EXPECT_EQ(quantile({5}, 0.1), 5);
  EXPECT_EQ(quantile({1, 2}, 1), 2);
}

}  // namespace
}  // namespace luthier
