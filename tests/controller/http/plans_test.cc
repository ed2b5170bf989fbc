// POST /api/v1/plans, and what its guesses rest on.
#include <gmock/gmock.h>

#include "controller/http/api/step_times.h"
#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

constexpr const char* kCached = "name: t\nsteps:\n  hello: { uses: run, cache: true, with: { command: echo hello } }\n";

TEST_F(ApiTest, APlanSaysWhatARunWouldDoAndDoesNothing) {
  start();
  connect_agent("a-1");
  const RawResponse before = post("/api/v1/plans", {{"yaml", kCached}}, kViewer);
  ASSERT_EQ(before.status, 200) << before.body;
  EXPECT_EQ(before.json()["steps"][0]["decision"], "run");
  EXPECT_EQ(before.json()["steps"][0]["milliseconds"], (Json{{"value", nullptr}, {"why", "no earlier run"}}));
  EXPECT_FALSE(before.json()["milliseconds_complete"].get<bool>());
  EXPECT_TRUE(get("/api/v1/runs").json()["runs"].empty());

  const std::string run = submit(kCached);
  start_attempt({RunId{run}, StepId{"hello"}, 1}, "a-1");
  finish_attempt({RunId{run}, StepId{"hello"}, 1}, "a-1");
  wait_for_run(run, [](const Json& found) { return found["status"] == "succeeded"; });
  const Json again = post("/api/v1/plans", {{"yaml", kCached}}, kViewer).json();
  EXPECT_EQ(again["steps"][0]["decision"], "reuse");
  EXPECT_TRUE(again["steps"][0]["milliseconds"].is_null());
  const Json anew = post("/api/v1/plans", {{"yaml", kCached}, {"cache", false}}, kViewer).json();
  EXPECT_EQ(anew["steps"][0]["decision"], "run");
  EXPECT_TRUE(anew["steps"][0]["milliseconds"]["value"].is_number_integer());
  EXPECT_EQ(anew["steps"][0]["milliseconds"]["why"], "the newest earlier run of this step");
  EXPECT_EQ(get("/api/v1/runs/" + run + "/plan").json()["plan"]["pipeline"], "t");
}

TEST_F(ApiTest, APlanNeedsNoUploadButAGoodPipeline) {
  start();
  const std::string yaml = "name: t\nsteps:\n  prepare: { uses: prepare, with: { source: a.csv } }\n";
  const std::string digest = sha256_digest("not uploaded");
  EXPECT_EQ(post("/api/v1/plans", {{"yaml", yaml}, {"sources", {{"a.csv", digest}}}}, kViewer).status, 200);
  EXPECT_EQ(post("/api/v1/plans", {{"yaml", yaml}}, kViewer).status, 400);
  EXPECT_EQ(get("/api/v1/runs/r-9/plan").status, 404);
}

TEST_F(ApiTest, APlanTakesTokensThatTheCallerHasCounted) {
  start();
  const std::string yaml =
      "name: t\nsteps:\n  prepare: { uses: prepare, with: { source: a.csv } }\n"
      "  train: { uses: train, with: { model: m, data: \"${{ steps.prepare.outputs.train }}\" } }\n";
  Json body{{"yaml", yaml},
            {"sources", {{"a.csv", sha256_digest("x")}}},
            {"tokens", {{"train", {{"value", 7}, {"why", "counted"}}}}}};
  const RawResponse answer = post("/api/v1/plans", body, kViewer);
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json()["steps"][1]["tokens"], (Json{{"value", 7}, {"why", "counted"}}));
  for (const Json& bad : {Json(7), Json{{"value", -1}}, Json{{"value", "7"}}, Json{{"value", 7}, {"why", 3}}}) {
    body["tokens"]["train"] = bad;
    EXPECT_EQ(post("/api/v1/plans", body, kViewer).status, 400) << bad;
  }
}

Json training_inputs(const std::string& data, int epochs, const std::string& base = "sha256:m") {
  return {{"data", {{"$artifact", data}, {"kind", "dataset"}}},
          {"model", {{"base", {{"$artifact", base}, {"kind", "model"}}}, {"adapter", nullptr}}},
          {"method", {{"supervised", {{"n_epochs", epochs}}}}}};
}
api::StepTime trained(const std::string& run, std::int64_t ms, std::int64_t tokens, const std::string& step = "train") {
  return {run, "p", step, step, "train", ms, training_inputs("sha256:d", 2), tokens};
}

TEST(StepTimes, TokensAreThoseOfAnEarlierTrainingOnTheSameData) {
  struct Case {
    const char* name;
    Json with;
    std::vector<std::string> open;
    std::optional<std::int64_t> tokens;
    std::string why;
  };
  const std::vector<api::StepTime> times = {trained("r-4", 10'000, 0), trained("r-3", 10'000, 2'000)};
  for (const Case& c :
       std::vector<Case>{{"the same epochs", training_inputs("sha256:d", 2), {}, 2'000, "as run r-3 counted this data"},
                         {"more epochs", training_inputs("sha256:d", 3), {}, 3'000, "as run r-3 counted this data"},
                         {"other data",
                          training_inputs("sha256:e", 2),
                          {},
                          std::nullopt,
                          "unknown: no training on this data is recorded"},
                         {"data to come", Json::object(), {"data"}, std::nullopt, "unknown until prepared"}}) {
    const api::Guess guess = api::guess_tokens({.with = c.with, .open = c.open}, times);
    EXPECT_EQ(guess.value, c.tokens) << c.name;
    EXPECT_EQ(guess.why, c.why) << c.name;
  }
}

TEST(StepTimes, TokensOfATrainingByStepsGoWithItsSteps) {
  const auto by_steps = [](int steps, int batch) {
    Json inputs = training_inputs("sha256:d", 2);
    inputs["method"] = {{"supervised", {{"max_steps", steps}, {"batch_size", batch}}}};
    return inputs;
  };
  api::StepTime earlier = trained("r-3", 10'000, 1'000);
  earlier.inputs = by_steps(10, 4);
  EXPECT_EQ(api::guess_tokens({.with = by_steps(10, 4)}, {earlier}).value, 1'000);
  EXPECT_EQ(api::guess_tokens({.with = by_steps(20, 8)}, {earlier}).value, 4'000);
  EXPECT_EQ(api::guess_tokens({.with = training_inputs("sha256:d", 2)}, {earlier}).value, std::nullopt);
}

TEST(StepTimes, TimesAreOfTheNearestKindOfEarlierRun) {
  plan::Step step;
  step.id = StepId{"train[i=1]"};
  step.name = "train";
  step.uses = "train";
  const core::StepForecast found{.with = training_inputs("sha256:d", 2)};
  const auto guess = [&](const std::vector<api::StepTime>& times, std::optional<std::int64_t> tokens) {
    return api::guess_time("p", step, found, {tokens, ""}, times);
  };
  const api::StepTime own = trained("r-1", 10'000, 1'000, "train[i=1]");
  api::StepTime member = trained("r-1", 20'000, 1'000, "train[i=2]");
  member.name = "train";
  api::StepTime other = trained("r-1", 40'000, 1'000, "tune");
  other.pipeline = "q";
  EXPECT_EQ(guess({other, member, own}, std::nullopt), (api::Guess{10'000, "the newest earlier run of this step"}));
  EXPECT_EQ(guess({own, own, own}, 2'000),
            (api::Guess{20'000, "median of the 3 newest earlier runs of this step, by tokens"}));
  EXPECT_EQ(guess({other, member}, 1'000),
            (api::Guess{20'000, "the newest earlier run of other members of 'train', by tokens"}));
  EXPECT_EQ(guess({other}, 500),
            (api::Guess{20'000, "the newest earlier run of trainings of the same model, by tokens"}));
  EXPECT_EQ(guess({other}, std::nullopt), (api::Guess{std::nullopt, "no earlier run"}));
  EXPECT_EQ(guess({}, 500), (api::Guess{std::nullopt, "no earlier run"}));
}

}  // namespace
}  // namespace luthier::http
