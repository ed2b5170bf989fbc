#include "pipelines/worker_protocol/job.h"

#include <gtest/gtest.h>

namespace luthier::worker_protocol {
namespace {

TEST(Job, ReadsEveryMember) {
  const auto job = parse_job(R"({"version":1,"run":"r-3","step":"train","attempt":2,"uses":"train",
    "with":{"a":1},"resume":{"$path":"/abs/c","step":50},"gpus":[0,3],"threads":2})");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->run, "r-3");
  EXPECT_EQ(job->step, "train");
  EXPECT_EQ(job->attempt, 2);
  EXPECT_EQ(job->uses, "train");
  EXPECT_EQ(job->with, (Json{{"a", 1}}));
  ASSERT_TRUE(job->resume.has_value());
  EXPECT_EQ(job->resume->path, "/abs/c");
  EXPECT_EQ(job->resume->step, 50);
  EXPECT_EQ(job->gpus, (std::vector<int>{0, 3}));
  EXPECT_EQ(job->threads, 2);
}

TEST(Job, LeavesOutWhatAFirstAttemptLacks) {
  const auto job = parse_job(R"({"uses":"prepare"})");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_FALSE(job->resume.has_value());
  EXPECT_EQ(job->attempt, 1);
  EXPECT_TRUE(job->with.empty());
}

TEST(Job, NamesTheMemberThatIsWrong) {
  const struct {
    const char* text;
    const char* part;
  } cases[] = {
      {"", "not a JSON object"},
      {"[1]", "not a JSON object"},
      {R"({"with":{}})", "\"uses\""},
      {R"({"uses":3})", "\"uses\""},
      {R"({"uses":"a","version":2})", "version 2"},
      {R"({"uses":"a","with":[]})", "\"with\""},
      {R"({"uses":"a","threads":0})", "\"threads\""},
      {R"({"uses":"a","attempt":1e300})", "\"attempt\""},
      {R"({"uses":"a","gpus":["x"]})", "\"gpus\""},
      {R"({"uses":"a","resume":{"step":1}})", "\"resume\""},
      {R"({"uses":"a","resume":{"$path":"/x","step":-1}})", "\"resume.step\""},
  };
  for (const auto& test_case : cases) {
    const auto job = parse_job(test_case.text);
    ASSERT_FALSE(job) << test_case.text;
    EXPECT_EQ(job.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(job.error().message.find(test_case.part), std::string::npos) << job.error().message;
  }
}

}  // namespace
}  // namespace luthier::worker_protocol
