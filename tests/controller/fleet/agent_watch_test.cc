#include "controller/fleet/agent_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace luthier::fleet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const AgentId kOne{"a-1"};
const AgentId kTwo{"a-2"};

TEST(AgentWatch, NamesAnAgentOnceWhenItsSilenceReachesTheLimit) {
  AgentWatch watch(milliseconds(10'000), milliseconds(30'000));
  watch.heard(kOne, 1'000);
  EXPECT_THAT(watch.take_silent(10'999), IsEmpty());
  EXPECT_THAT(watch.take_silent(11'000), ElementsAre(AgentWatch::Silent{kOne, "nothing was heard from it for 10 s"}));
  EXPECT_THAT(watch.take_silent(99'000), IsEmpty());
}

TEST(AgentWatch, EveryMessagePutsTheLimitOff) {
  AgentWatch watch(milliseconds(2'500), milliseconds(30'000));
  watch.heard(kOne, 0);
  watch.heard(kTwo, 0);
  watch.heard(kOne, 2'000);
  EXPECT_THAT(watch.take_silent(2'500), ElementsAre(AgentWatch::Silent{kTwo, "nothing was heard from it for 2.500 s"}));
  EXPECT_THAT(watch.take_silent(4'499), IsEmpty());
}

TEST(AgentWatch, AfterAStartKnownAgentsHaveTheGracePeriod) {
  AgentWatch watch(milliseconds(10'000), milliseconds(30'000));
  watch.expect(kOne, 0);
  watch.expect(kTwo, 0);
  watch.heard(kTwo, 25'000);
  EXPECT_THAT(watch.take_silent(29'999), IsEmpty());
  EXPECT_THAT(watch.take_silent(30'000),
              ElementsAre(AgentWatch::Silent{kOne, "it did not come back within 30 s after the controller's start"}));
}

TEST(AgentWatch, WhoeverWasAwayHimselfBlamesNobody) {
  AgentWatch watch(milliseconds(10'000), milliseconds(30'000));
  watch.heard(kOne, 0);
  EXPECT_THAT(watch.take_silent(1'000), IsEmpty());
  EXPECT_THAT(watch.take_silent(61'000), IsEmpty());  // a minute in which nothing was read
  EXPECT_THAT(watch.take_silent(65'000), IsEmpty());
  EXPECT_THAT(watch.take_silent(69'999), IsEmpty());
  EXPECT_THAT(watch.take_silent(70'000), ElementsAre(AgentWatch::Silent{kOne, "nothing was heard from it for 10 s"}));
}

}  // namespace
}  // namespace luthier::fleet
