#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "agents/worker/serve/request.h"
#include "agents/worker/serve/sampler.h"
#include "agents/worker/serve/stop_text.h"

namespace luthier::worker {
namespace {

using ::testing::HasSubstr;

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
  Sampler greedy({});
  EXPECT_EQ(greedy.choose(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(greedy.choose(std::vector<float>{std::nanf(""), -1, std::nanf("")}), 1);
}

TEST(Sampler, DrawsInProportionAndTheSameForTheSameSeed) {
  const std::vector<float> logits{std::log(0.7F), std::log(0.2F), std::log(0.1F)};
  Sampler sampler({.temperature = 1, .top_p = 1, .seed = 3});
  Sampler same({.temperature = 1, .top_p = 1, .seed = 3});
  int counts[3] = {};
  for (int i = 0; i < 10'000; ++i) {
    const auto choice = sampler.choose(logits);
    ASSERT_EQ(choice, same.choose(logits));
    ++counts[choice];
  }
  EXPECT_NEAR(counts[0], 7'000, 200);
  EXPECT_NEAR(counts[2], 1'000, 150);
}

TEST(Sampler, TopPLeavesTheUnlikelyOut) {
  const std::vector<float> logits{std::log(0.1F), std::log(0.7F), std::log(0.2F)};
  Sampler sampler({.temperature = 1, .top_p = 0.8, .seed = 1});
  Sampler only({.temperature = 1, .top_p = 0, .seed = 1});
  for (int i = 0; i < 1'000; ++i) {
    EXPECT_NE(sampler.choose(logits), 0);
    EXPECT_EQ(only.choose(logits), 1);
  }
}

TEST(StopText, HoldsBackWhatMayBecomeAStop) {
  StopText stop({"END", "\n\n", ""});
  EXPECT_EQ(stop.push("hello E"), "hello ");
  EXPECT_EQ(stop.push("Nough"), "ENough");
  EXPECT_EQ(stop.push(" E"), " ");
  EXPECT_EQ(stop.push("ND more"), "");
  EXPECT_TRUE(stop.stopped());
  EXPECT_EQ(stop.push("more"), "");
  EXPECT_EQ(stop.finish(), "");
}

TEST(StopText, GivesWhatWasHeldAtTheEnd) {
  StopText stop({"END"});
  EXPECT_EQ(stop.push("the EN"), "the ");
  EXPECT_EQ(stop.finish(), "EN");
}

TEST(Request, ReadsAllMembers) {
  const auto parsed = parse_request(R"({"id":"7","type":"generate","prompt":"hi","max_tokens":5,"temperature":0.5,
      "top_p":0.9,"seed":11,"stop":"x","apply_template":true})");
  const auto& request = std::get<GenerateRequest>(std::get<Request>(parsed));
  EXPECT_EQ(request.prompt, "hi");
  EXPECT_EQ(request.max_tokens, 5);
  EXPECT_EQ(request.sampling.seed, 11U);
  EXPECT_EQ(request.stop, std::vector<std::string>{"x"});
  EXPECT_TRUE(request.apply_template);
}

TEST(Request, MessagesAndToolsTakeTheTemplateAndKeepTheOrderOfTheirMembers) {
  const auto parsed = parse_request(
      R"({"id":"7","type":"generate","tools":[{"z":1,"a":2}],"messages":[{"role":"system","content":"a"},
          {"role":"user","content":[{"type":"text","text":"b"},{"type":"text","text":"c"}]},
          {"role":"assistant","content":null,"tool_calls":[]}]})");
  const auto& request = std::get<GenerateRequest>(std::get<Request>(parsed));
  EXPECT_TRUE(request.apply_template);
  EXPECT_EQ(request.chat["messages"].size(), 3U);
  EXPECT_EQ(request.chat["tools"].dump(), R"([{"z":1,"a":2}])");
  EXPECT_EQ(*joined_messages(request.chat), "a\nbc\n");
  const auto as_text = parse_request(
      R"({"id":"7","type":"generate","tools":"[{\"z\":1,\"a\":2}]","messages":[{"role":"user","content":"a"}]})");
  EXPECT_EQ(std::get<GenerateRequest>(std::get<Request>(as_text)).chat["tools"], request.chat["tools"]);
}

TEST(Request, MessagesWithOtherThanTextCannotBeJoined) {
  const auto parsed =
      parse_request(R"({"id":"7","type":"generate","messages":[{"role":"user","content":[{"type":"image_url"}]}]})");
  const auto joined = joined_messages(std::get<GenerateRequest>(std::get<Request>(parsed)).chat);
  ASSERT_FALSE(joined);
  EXPECT_THAT(joined.error().message, HasSubstr("text"));
}

TEST(Request, BadLinesSayWhatIsWrong) {
  const std::string deep(500'000, '[');
  const std::string begin = R"({"id":"1","type":"generate","messages":[{"role":"user","content":"a"}],"tools":)";
  const std::string deep_line = begin + deep + std::string(deep.size(), ']') + "}";
  const std::string deep_tools = begin + '"' + deep + std::string(deep.size(), ']') + "\"}";
  const std::pair<const char*, const char*> cases[] = {
      {"nope", "JSON"},
      {deep_line.c_str(), "too deeply"},
      {deep_tools.c_str(), "tools"},
      {R"({"type":"generate","prompt":"a"})", "id"},
      {R"({"id":"1","type":"train"})", "type"},
      {R"({"id":"1","type":"generate"})", "prompt or messages"},
      {R"({"id":"1","type":"generate","prompt":5})", "prompt"},
      {R"({"id":"1","type":"generate","messages":[{"role":"user"}]})", "content"},
      {R"({"id":"1","type":"generate","messages":[{"role":"user","content":5}]})", "content"},
      {R"({"id":"1","type":"generate","messages":["a"]})", "content"},
      {R"({"id":"1","type":"generate","messages":[]})", "messages"},
      {R"({"id":"1","type":"generate","messages":[{"role":"user","content":"a"}],"tools":{}})", "tools"},
      {R"({"id":"1","type":"generate","messages":[{"role":"user","content":"a"}],"tools":"[1"})", "tools"},
      {R"({"id":"1","type":"generate","prompt":"a","max_tokens":0})", "max_tokens"},
      {R"({"id":"1","type":"generate","prompt":"a","temperature":-1})", "temperature"},
      {R"({"id":"1","type":"generate","prompt":"a","top_p":2})", "top_p"},
      {R"({"id":"1","type":"generate","prompt":"a","seed":"x"})", "seed"},
      {R"({"id":"1","type":"generate","prompt":"a","stop":[1]})", "stop"}};
  for (const auto& [line, message] : cases) {
    const auto parsed = parse_request(line);
    ASSERT_TRUE(std::holds_alternative<RequestError>(parsed)) << line;
    EXPECT_THAT(std::get<RequestError>(parsed).message, HasSubstr(message)) << line;
  }
}

}  // namespace
}  // namespace luthier::worker
