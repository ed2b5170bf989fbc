// Streams of the API: events, logs, generations.
#include "controller/http/event_hub.h"
#include "tests/controller/http/api_fixture.h"

namespace luthier::http {
namespace {

constexpr const char* kTwoSteps =
    "name: t\nsteps:\n"
    "  one: { uses: run, with: { command: echo one }, retry: { infrastructure: 3, backoff: 1ms..1ms } }\n"
    "  two: { uses: run, needs: one, with: { command: echo two } }\n";

// Server-Sent Events of one stream, read until it ends or `wanted` have come.
struct Events {
  std::vector<std::uint64_t> ids;
  std::vector<std::string> names;
  bool ended = false;
};
Events read_events(RawClient& client, std::size_t wanted = 1'000'000) {
  Events events;
  std::string text;
  std::string piece;
  int state = 1;
  while (events.ids.size() < wanted && (state = client.chunk(piece)) == 1) {
    text += piece;
    for (std::size_t end = text.find("\n\n"); end != std::string::npos; end = text.find("\n\n")) {
      const std::string event = text.substr(0, end);
      text.erase(0, end + 2);
      if (event.rfind("id: ", 0) == 0) {
        events.ids.push_back(std::strtoull(event.c_str() + 4, nullptr, 10));
        const std::size_t name = event.find("event: ") + 7;
        events.names.push_back(event.substr(name, event.find('\n', name) - name));
      }
    }
  }
  events.ended = state == 0;
  return events;
}

TEST_F(ApiTest, EventsOfARunEndWithItAndResumeWithoutLoss) {
  start();
  connect_agent("a-1");
  const std::string run = submit(kTwoSteps);
  const std::string target = "/api/v1/runs/" + run + "/events";
  RawClient live(port());
  live.request("GET", target, "", key(kViewer));
  EXPECT_EQ(live.header().headers["content-type"], "text/event-stream");
  std::thread agent([&] {
    for (const char* step : {"one", "two"}) {
      const AttemptId attempt{RunId{run}, StepId{step}, 1};
      wait_for_run(run, [&](const Json& found) {
        return found["steps"][step == std::string("one") ? 0 : 1]["status"] == "assigned";
      });
      start_attempt(attempt, "a-1");
      finish_attempt(attempt, "a-1");
    }
  });
  const Events events = read_events(live);
  agent.join();
  EXPECT_TRUE(events.ended);
  ASSERT_FALSE(events.names.empty());
  EXPECT_EQ(events.names.front(), "run.queued");
  EXPECT_EQ(events.names.back(), "run.succeeded");
  EXPECT_EQ(std::count(events.names.begin(), events.names.end(), "step.succeeded"), 2);

  for (std::size_t cut = 0; cut < events.ids.size(); ++cut) {  // resumed after each event in turn
    RawClient resumed(port());
    auto headers = key(kViewer);
    headers["Last-Event-ID"] = std::to_string(events.ids[cut]);
    resumed.request("GET", target, "", headers);
    resumed.header();
    const Events rest = read_events(resumed);
    EXPECT_TRUE(rest.ended);
    EXPECT_EQ(rest.ids, std::vector<std::uint64_t>(events.ids.begin() + static_cast<long>(cut) + 1, events.ids.end()));
  }
  RawClient everything(port());
  everything.request("GET", "/api/v1/events?follow=0&after=0", "", key(kViewer));
  everything.header();
  EXPECT_GE(read_events(everything).ids.size(), events.ids.size());
}

TEST_F(ApiTest, AStreamOfEverythingIsWokenByWhatIsPublished) {
  start();
  RawClient client(port());
  client.request("GET", "/api/v1/events", "", key(kViewer));
  client.header();
  submit(kHello);
  EXPECT_EQ(read_events(client, 1).names[0], "run.queued");
  connect_agent("a-1");
  EXPECT_EQ(read_events(client, 1).names[0], "agent.joined");
}

TEST(EventHub, TellsHowFarTheSlowestReaderIsBehind) {
  EventHub hub;
  EXPECT_EQ(hub.lag().readers, 0U);
  auto all = hub.subscribe("", [] {});
  const auto one = hub.subscribe("r-1", [] {});
  for (const char* run : {"r-1", "r-2", "r-3"}) {
    hub.published({1, "run.started", 0, {{"run", run}}});
  }
  EXPECT_EQ(hub.lag().readers, 2U);
  EXPECT_EQ(hub.lag().events_max, 3U);
  EXPECT_EQ(one->behind(), 1U);
  all->caught_up(2);
  EXPECT_EQ(hub.lag().events_max, 1U);
  all->caught_up(9);  // it has read what was published before it came
  one->caught_up(one->behind());
  EXPECT_EQ(hub.lag().events_max, 0U);
  hub.published({2, "run.started", 0, {{"run", "r-2"}}});
  all.reset();
  EXPECT_EQ(hub.lag().events_max, 0U) << "who has gone is not waited for";
}

TEST_F(ApiTest, AQuietEventStreamIsKeptAlive) {
  start({.keep_alive_interval = milliseconds(30)});
  RawClient client(port());
  client.request("GET", "/api/v1/events", "", key(kViewer));
  client.header();
  std::string piece;
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_EQ(piece[0], ':');
}

TEST_F(ApiTest, AFollowedLogIsWholeAndEndsWithTheStep) {
  start({.log_poll_interval = milliseconds(10)});
  connect_agent("a-1");
  const std::string run = submit(kTwoSteps);
  const AttemptId attempt{RunId{run}, StepId{"one"}, 1};
  RawClient client(port());
  client.request("GET", "/api/v1/runs/" + run + "/steps/one/log?follow=1", "", key(kViewer));
  EXPECT_EQ(client.header().status, 200);
  start_attempt(attempt, "a-1");
  std::string log;
  std::string piece;
  for (const std::string& line : std::vector<std::string>{"first\n", "second\n", {'\0', '\xff', '\n'}}) {
    append_log(attempt, log.size(), line, false);
    ASSERT_EQ(client.chunk(piece), 1);
    log += piece;
    EXPECT_TRUE(log.ends_with(line));
  }
  finish_attempt(attempt, "a-1");
  append_log(attempt, log.size(), "tail\n", true);  // the tail may come after the end
  RawResponse rest;
  int state = 1;
  while ((state = client.chunk(piece)) == 1) {
    log += piece;
  }
  EXPECT_EQ(state, 0);
  EXPECT_TRUE(log.ends_with("tail\n"));
  const RawResponse again = get("/api/v1/runs/" + run + "/steps/one/log");
  EXPECT_EQ(again.body, log);
  EXPECT_EQ(again.headers.at("luthier-log-attempts"), "1");
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?offset=6").body, log.substr(6));
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?attempt=1").body, log);
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?attempt=2").status, 404);
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?attempt=x").status, 400);
}

TEST_F(ApiTest, ALostMachinesTailIsAMarkedGapAndOnlyThen) {
  start({.log_poll_interval = milliseconds(10)});
  connect_agent("a-1");
  const std::string run = submit(kTwoSteps);
  const AttemptId first{RunId{run}, StepId{"one"}, 1};
  const AttemptId second{RunId{run}, StepId{"one"}, 2};
  start_attempt(first, "a-1");
  append_log(first, 0, "half a l", false);
  wait_for_run(run, [](const Json& found) { return found["steps"][0]["status"] == "running"; });
  connect_agent("a-2");
  runtime_->post(core::AgentSilent{.agent = AgentId{"a-1"}, .reason = "silent"});
  wait_for_run(run, [](const Json& found) { return found["steps"][0]["attempt"] == 2; });
  start_attempt(second, "a-2");
  append_log(second, 0, "again, whole\n", true);
  finish_attempt(second, "a-2");
  RawClient client(port());
  client.request("GET", "/api/v1/runs/" + run + "/steps/one/log?follow=1", "", key(kViewer));
  const std::string expected = "half a l[luthier: the rest of attempt 1's log was lost with agent a-1]\nagain, whole\n";
  EXPECT_EQ(client.response().body, expected);
  const RawResponse all = get("/api/v1/runs/" + run + "/steps/one/log");
  EXPECT_EQ(all.body, expected);
  EXPECT_EQ(all.headers.at("luthier-log-attempts"), "1,2");
  EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?attempt=2").body, "again, whole\n");
  for (std::size_t offset = 0; offset <= expected.size(); offset += 7) {
    EXPECT_EQ(get("/api/v1/runs/" + run + "/steps/one/log?offset=" + std::to_string(offset)).body,
              expected.substr(offset));
  }
}

// --- generation ---

class GenerateTest : public ApiTest {
 protected:
  void serve(Options options = {}) {
    options.model_poll_interval = milliseconds(10);
    start(options);
    connect_agent("a-1");
    const std::string model = put_artifact("model", "config.json", "{}");
    ASSERT_EQ(post("/api/v1/models/tiny/versions", {{"artifact", model}}).status, 201);
  }
  // The serving process reports itself ready as soon as it is asked for.
  void play_server() {
    const AttemptId serving{RunId{"d-1"}, StepId{"serve"}, 1};
    for (int i = 0; i < 400 && !runtime_->is_current(serving); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    start_attempt(serving, "a-1");
    runtime_->post(core::AttemptReadyReport{.attempt = serving, .agent = AgentId{"a-1"}});
  }
  static Json wanted(bool stream) {
    return {{"model", "tiny"}, {"prompt", "Hello"}, {"max_tokens", 5}, {"stream", stream}, {"apply_template", true}};
  }
};

TEST_F(GenerateTest, WaitsForTheModelAndAnswersWhole) {
  serve();
  RawClient client(port());
  client.request("POST", "/api/v1/generate", wanted(false).dump(), key(kDeveloper));
  play_server();
  FakeHub::Call call = hub_.wait_for_call(1);
  ASSERT_EQ(call.id, 1U);
  EXPECT_EQ(call.agent.value, "a-1");
  EXPECT_EQ(to_string(call.deployment), "d-1/serve/1");
  EXPECT_EQ(call.request["prompt"], "Hello");
  EXPECT_EQ(call.request["max_tokens"], 5);
  EXPECT_EQ(call.request["apply_template"], true);
  call.callbacks.on_token("Good ");
  call.callbacks.on_token("day");
  call.callbacks.on_done("stop", 1, 2);
  const RawResponse response = client.response();
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.json(), (Json{{"text", "Good day"},
                                   {"finish_reason", "stop"},
                                   {"usage", {{"prompt_tokens", 1}, {"completion_tokens", 2}}}}));
}

TEST_F(GenerateTest, MessagesGoOnWithWhatTemplatesReadAndToolsInTheOrderOfTheirMembers) {
  serve();
  RawClient client(port());
  client.request("POST", "/api/v1/generate",
                 R"({"model": "tiny", "tools": [{"type": "function", "function": {"name": "f", "a": 1}}], "messages": [
                     {"role": "user", "content": [{"type": "text", "text": "q"}], "other": 1},
                     {"role": "assistant", "tool_calls": [{"id": "1"}]},
                     {"role": "tool", "tool_call_id": "1", "content": "7"}]})",
                 key(kDeveloper));
  play_server();
  const FakeHub::Call call = hub_.wait_for_call(1);
  EXPECT_EQ(call.request["messages"], Json::parse(R"([{"role": "user", "content": [{"type": "text", "text": "q"}]},
                            {"role": "assistant", "tool_calls": [{"id": "1"}]},
                            {"role": "tool", "tool_call_id": "1", "content": "7"}])"));
  EXPECT_EQ(call.request["tools"], R"([{"type":"function","function":{"name":"f","a":1}}])");
  EXPECT_FALSE(call.request.contains("apply_template")) << "messages take the model's template";
  call.callbacks.on_done("stop", 1, 2);
  EXPECT_EQ(client.response().status, 200);
}

TEST_F(GenerateTest, StreamsTokensAsTheyCome) {
  serve();
  RawClient client(port());
  client.request("POST", "/api/v1/generate", wanted(true).dump(), key(kDeveloper));
  play_server();
  FakeHub::Call call = hub_.wait_for_call(1);
  ASSERT_EQ(call.id, 1U);
  call.callbacks.on_token("Good ");
  EXPECT_EQ(client.header().headers["content-type"], "text/event-stream");
  std::string piece;
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_EQ(piece, "data: {\"text\":\"Good \"}\n\n");
  call.callbacks.on_token("day");
  ASSERT_EQ(client.chunk(piece), 1);
  call.callbacks.on_done("length", 1, 2);
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_TRUE(piece.ends_with("data: [DONE]\n\n"));
  EXPECT_NE(piece.find("\"finish_reason\":\"length\""), std::string::npos);
  EXPECT_EQ(client.chunk(piece), 0);
}

TEST_F(GenerateTest, AClientThatGoesAwayCancels) {
  serve();
  for (const bool stream : {false, true}) {
    std::uint64_t id = 0;
    {
      RawClient client(port());
      client.request("POST", "/api/v1/generate", wanted(stream).dump(), key(kDeveloper));
      if (!stream) {
        play_server();
      }
      FakeHub::Call call = hub_.wait_for_call(stream ? 2 : 1);
      id = call.id;
      ASSERT_NE(id, 0U);
      call.callbacks.on_token("x");
      if (stream) {
        std::string piece;
        client.header();
        EXPECT_EQ(client.chunk(piece), 1);
      }
    }
    EXPECT_TRUE(hub_.wait_for_cancel(id)) << stream;
    hub_.wait_for_call(id).callbacks.on_done("cancelled", 0, 0);
  }
}

TEST_F(GenerateTest, ErrorsAreHttpErrorsBeforeTheFirstTokenAndEventsAfter) {
  serve();
  RawClient early(port());
  early.request("POST", "/api/v1/generate", wanted(true).dump(), key(kDeveloper));
  play_server();
  hub_.wait_for_call(1).callbacks.on_error(Error{ErrorCode::kInvalidArgument, "the prompt is too long"});
  const RawResponse refused = early.response();
  EXPECT_EQ(refused.status, 400);
  EXPECT_EQ(refused.json()["error"]["message"], "the prompt is too long");

  RawClient late(port());
  late.request("POST", "/api/v1/generate", wanted(true).dump(), key(kDeveloper));
  FakeHub::Call call = hub_.wait_for_call(2);
  call.callbacks.on_token("x");
  call.callbacks.on_error(Error{ErrorCode::kUnavailable, "the agent is gone"});
  const RawResponse broken = late.response();
  EXPECT_EQ(broken.status, 200);
  EXPECT_NE(broken.body.find("the agent is gone"), std::string::npos);
  EXPECT_EQ(broken.body.find("[DONE]"), std::string::npos);
}

TEST_F(GenerateTest, AnAgentThatIsNotThereYetIsAskedAgain) {
  serve();
  RawClient client(port());
  client.request("POST", "/api/v1/generate", wanted(false).dump(), key(kDeveloper));
  play_server();
  hub_.wait_for_call(1).callbacks.on_error(Error{ErrorCode::kUnavailable, "no stream yet"});
  FakeHub::Call call = hub_.wait_for_call(2);
  ASSERT_EQ(call.id, 2U);
  call.callbacks.on_done("stop", 1, 0);
  EXPECT_EQ(client.response().status, 200);
}

TEST_F(GenerateTest, AModelThatNobodyCanServeTimesOutAndSaysSo) {
  start({.model_wait_max = milliseconds(100), .model_poll_interval = milliseconds(10)});
  const std::string model = put_artifact("model", "config.json", "{}");
  ASSERT_EQ(post("/api/v1/models/tiny/versions", {{"artifact", model}}).status, 201);
  const RawResponse response = post("/api/v1/generate", wanted(false));
  EXPECT_EQ(response.status, 504);
  EXPECT_NE(response.body.find("not ready within"), std::string::npos) << response.body;
}

TEST_F(GenerateTest, BadRequestsAreRefused) {
  serve();
  struct Case {
    Json body;
    int status;
    const char* says;
  };
  for (const Case& item : std::vector<Case>{
           {{{"prompt", "x"}}, 400, "'model'"},
           {{{"model", "tiny"}}, 400, "'prompt' or 'messages'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"messages", Json::array()}}, 400, "one of them"},
           {{{"model", "tiny"}, {"messages", {{{"role", "user"}}}}}, 400, "content"},
           {{{"model", "tiny"}, {"messages", {{{"role", "user"}, {"content", 1}}}}}, 400, "content"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"tools", Json::array()}}, 400, "'tools'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"max_tokens", 0}}, 400, "'max_tokens'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"temperature", -1}}, 400, "'temperature'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"top_p", "high"}}, 400, "'top_p'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"stop", {1}}}, 400, "'stop'"},
           {{{"model", "tiny"}, {"prompt", "x"}, {"stream", 1}}, 400, "'stream'"},
           {{{"model", "tinny"}, {"prompt", "x"}}, 404, "tinny"},
       }) {
    const RawResponse response = post("/api/v1/generate", item.body);
    EXPECT_EQ(response.status, item.status) << item.body;
    EXPECT_NE(response.body.find(item.says), std::string::npos) << response.body;
  }
}

TEST_F(GenerateTest, StoppingAnswersThoseWhoWait) {
  serve({.stop_grace = milliseconds(100)});
  RawClient client(port());
  client.request("POST", "/api/v1/generate", wanted(false).dump(), key(kDeveloper));
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  server_->stop();
  EXPECT_TRUE(client.closed());
}

}  // namespace
}  // namespace luthier::http
