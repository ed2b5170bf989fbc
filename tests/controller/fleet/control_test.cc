// The control plane over real gRPC: joining, authentication, commands, reconnects and silence.
#include <gtest/gtest.h>

#include "tests/controller/fleet/test_controller.h"

namespace luthier::fleet {
namespace {

using grpc::StatusCode;

v1::ConnectRequest started(const AttemptId& attempt) {
  v1::ConnectRequest message;
  *message.mutable_attempt_started()->mutable_attempt() = to_proto(attempt);
  message.mutable_attempt_started()->set_pid(42);
  return message;
}
v1::ConnectRequest finished(const AttemptId& attempt) {
  v1::ConnectRequest message;
  *message.mutable_attempt_finished()->mutable_attempt() = to_proto(attempt);
  message.mutable_attempt_finished()->set_outcome(v1::OUTCOME_SUCCEEDED);
  message.mutable_attempt_finished()->set_outputs_json(R"({"answer":42})");
  return message;
}
v1::ConnectRequest released(const AttemptId& attempt) {
  v1::ConnectRequest message;
  *message.mutable_allocation_released()->mutable_attempt() = to_proto(attempt);
  return message;
}

TEST_F(FleetTest, JoiningNeedsAGoodToken) {
  ASSERT_TRUE(store_->add_join_token("a-token-to-use-once", 1, clock_.now().wall_ms + 1'000));
  ASSERT_TRUE(store_->add_join_token("a-token-that-expires", 5, clock_.now().wall_ms + 1'000));
  TestAgent agent(address_);
  EXPECT_EQ(agent.join("").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(agent.join("a wrong token, long enough").error_code(), StatusCode::UNAUTHENTICATED);
  EXPECT_TRUE(agent.join("a-token-to-use-once").ok());
  EXPECT_FALSE(agent.id.empty());
  EXPECT_GE(agent.credential.size(), 32U);
  EXPECT_EQ(TestAgent(address_).join("a-token-to-use-once").error_code(), StatusCode::UNAUTHENTICATED);
  clock_.advance(milliseconds(1'001));
  EXPECT_EQ(TestAgent(address_).join("a-token-that-expires").error_code(), StatusCode::UNAUTHENTICATED);
}

TEST_F(FleetTest, EveryCallButJoinNeedsAnAgentsCredential) {
  ASSERT_TRUE(store_->add_key("the key of a person", {"person", store::Scope::kAdmin}));
  const std::pair<std::string, StatusCode> cases[] = {{"", StatusCode::UNAUTHENTICATED},
                                                      {"wrong", StatusCode::UNAUTHENTICATED},
                                                      {"the key of a person", StatusCode::PERMISSION_DENIED}};
  for (const auto& [credential, code] : cases) {
    TestAgent agent(address_, "a-1", credential);
    EXPECT_EQ(agent.open().end().error_code(), code);

    v1::FindMissingResponse missing;
    EXPECT_EQ(agent.blobs->FindMissing(agent.new_context().get(), {}, &missing).error_code(), code);
    v1::PutManifestResponse put;
    EXPECT_EQ(agent.blobs->PutManifest(agent.new_context().get(), {}, &put).error_code(), code);
    v1::GetManifestResponse got;
    EXPECT_EQ(agent.blobs->GetManifest(agent.new_context().get(), {}, &got).error_code(), code);
    {
      const auto context = agent.new_context();
      v1::UploadResponse response;
      const auto upload = agent.blobs->Upload(context.get(), &response);
      upload->WritesDone();
      EXPECT_EQ(upload->Finish().error_code(), code);
    }
    {
      const auto context = agent.new_context();
      const auto download = agent.blobs->Download(context.get(), {});
      EXPECT_EQ(download->Finish().error_code(), code);
    }
    v1::AppendLogResponse log;
    EXPECT_EQ(agent.telemetry->AppendLog(agent.new_context().get(), {}, &log).error_code(), code);
    v1::AppendMetricsResponse metrics;
    EXPECT_EQ(agent.telemetry->AppendMetrics(agent.new_context().get(), {}, &metrics).error_code(), code);
    v1::ReportProgressResponse progress;
    EXPECT_EQ(agent.telemetry->ReportProgress(agent.new_context().get(), {}, &progress).error_code(), code);
    {
      const auto context = agent.new_context();
      EXPECT_EQ(agent.inference->Attach(context.get())->Finish().error_code(), code);
    }
  }
}

TEST_F(FleetTest, HelloIsAnsweredWithTheEpochAndTheHeartbeat) {
  TestAgent agent = joined_agent();
  ControlStream stream = agent.open();
  stream.say(agent.hello());
  const v1::ConnectResponse welcome = stream.hear();
  ASSERT_TRUE(welcome.has_welcome());
  EXPECT_EQ(welcome.welcome().epoch(), runtime_->epoch());
  EXPECT_EQ(welcome.welcome().heartbeat_interval_ms(), kSilence.count() / 5);
  EXPECT_TRUE(eventually([&] { return agent_status(agent.id) == "connected"; }));
}

TEST_F(FleetTest, HelloUnderAnotherName) {
  TestAgent agent = joined_agent();
  const TestAgent other = joined_agent();
  ControlStream stream = agent.open();
  stream.say(other.hello());
  EXPECT_EQ(stream.end().error_code(), StatusCode::PERMISSION_DENIED);
}

TEST_F(FleetTest, TheFirstMessageMustBeHello) {
  TestAgent agent = joined_agent();
  ControlStream stream = agent.open();
  v1::ConnectRequest heartbeat;
  heartbeat.mutable_heartbeat()->set_sequence(1);
  stream.say(heartbeat);
  EXPECT_EQ(stream.end().error_code(), StatusCode::FAILED_PRECONDITION);
}

TEST_F(FleetTest, AnAttemptGoesFromSubmissionToItsEnd) {
  TestAgent agent = joined_agent();
  ControlStream stream = agent.connect();
  submit();
  const v1::ConnectResponse start = stream.hear();
  ASSERT_TRUE(start.has_start_attempt());
  EXPECT_EQ(start.start_attempt().epoch(), runtime_->epoch());
  EXPECT_EQ(start.start_attempt().uses(), "run");
  const AttemptId attempt = from_proto(start.start_attempt().attempt()).value();
  EXPECT_EQ(attempt, first_);

  const std::pair<v1::ConnectRequest, v1::AcknowledgedReport> reports[] = {
      {started(attempt), v1::ACKNOWLEDGED_REPORT_STARTED},
      {finished(attempt), v1::ACKNOWLEDGED_REPORT_FINISHED},
      {finished(attempt), v1::ACKNOWLEDGED_REPORT_FINISHED},  // repeated: acknowledged, not done twice
      {released(attempt), v1::ACKNOWLEDGED_REPORT_RELEASED}};
  for (const auto& [report, acknowledged] : reports) {
    stream.say(report);
    const v1::ConnectResponse answer = stream.hear();
    ASSERT_TRUE(answer.has_acknowledge());
    EXPECT_EQ(answer.acknowledge().report(), acknowledged);
  }
  const core::Json run = store_->get_run("r-1").value();
  EXPECT_EQ(run.value("status", ""), "succeeded");
  EXPECT_EQ(run.at("steps").at(0).at("outputs"), (core::Json{{"answer", 42}}));
  EXPECT_EQ(run.at("steps").at(0).at("attempts").size(), 1U);
}

TEST_F(FleetTest, AReconnectBringsTheCommandAgain) {
  TestAgent agent = joined_agent();
  {
    ControlStream stream = agent.connect();
    submit();
    ASSERT_TRUE(stream.hear().has_start_attempt());
    EXPECT_TRUE(stream.hang_up().ok());
  }
  ControlStream stream = agent.connect();
  const v1::ConnectResponse again = stream.hear();
  ASSERT_TRUE(again.has_start_attempt());
  EXPECT_EQ(again.start_attempt().attempt().number(), 1);
}

TEST_F(FleetTest, ANewerStreamReplacesTheOlder) {
  TestAgent agent = joined_agent();
  ControlStream older = agent.connect();
  ControlStream newer = agent.connect();
  const StatusCode replaced = older.end().error_code();  // cancelled: while its welcome was still being written
  EXPECT_TRUE(replaced == StatusCode::ABORTED || replaced == StatusCode::CANCELLED) << replaced;
  submit();
  EXPECT_TRUE(newer.hear().has_start_attempt());
  EXPECT_EQ(agent_status(agent.id), "connected");
}

TEST_F(FleetTest, NoCommandGoesOverAConnectionWhoseHelloIsNotDecidedUpon) {
  withholds_welcomes_ = true;
  TestAgent agent = joined_agent();
  ControlStream stream = agent.connect();
  ASSERT_TRUE(eventually([&] { return last_welcome_ != 0; }));
  const auto stop = [](int number) {
    return core::StopAttempt{{RunId{"r-9"}, StepId{"one"}, number}, core::StopReason::kCancelled};
  };
  fleet_->send(AgentId{agent.id}, stop(1));
  fleet_->welcome(AgentId{agent.id}, last_welcome_ + 1);  // of another connection
  fleet_->send(AgentId{agent.id}, stop(2));
  fleet_->welcome(AgentId{agent.id}, last_welcome_);
  fleet_->send(AgentId{agent.id}, stop(3));
  EXPECT_EQ(stream.hear().stop_attempt().attempt().number(), 3);
}

TEST_F(FleetTest, AnAgentThatDoesNotReadIsCutOffAndToldAnewWhenItReturns) {
  TestAgent agent = joined_agent();
  ControlStream deaf = agent.connect();
  ASSERT_TRUE(eventually([&] { return agent_status(agent.id) == "connected"; }));
  core::StartAttempt command;
  command.attempt = AttemptId{RunId{"r-9"}, StepId{"one"}, 1};
  command.with = core::Json{{"padding", std::string(4'096, 'x')}};
  for (int i = 0; i < 12'000; ++i) {  // more than its outbox and the connection's window hold
    fleet_->send(AgentId{agent.id}, command);
  }
  const StatusCode cut_off = deaf.end().error_code();
  EXPECT_TRUE(cut_off == StatusCode::CANCELLED || cut_off == StatusCode::RESOURCE_EXHAUSTED) << cut_off;
  submit();
  ControlStream again = agent.connect();
  EXPECT_EQ(again.hear().start_attempt().attempt().run(), "r-1");
}

TEST_F(FleetTest, TheEndOfAStreamIsNoLossButSilenceIs) {
  TestAgent agent = joined_agent();
  {
    ControlStream stream = agent.connect();
    EXPECT_TRUE(stream.hang_up().ok());
  }
  settle();
  EXPECT_EQ(agent_status(agent.id), "connected");
  clock_.advance(kSilence);
  EXPECT_TRUE(eventually([&] { return agent_status(agent.id) == "lost"; }));
}

TEST_F(FleetTest, ASilentStreamEndsAndAHelloHeals) {
  TestAgent agent = joined_agent();
  ControlStream silent = agent.connect();
  ASSERT_TRUE(eventually([&] { return agent_status(agent.id) == "connected"; }));
  clock_.advance(kSilence);
  EXPECT_EQ(silent.end().error_code(), StatusCode::UNAVAILABLE);
  settle();
  EXPECT_EQ(agent_status(agent.id), "lost");
  ControlStream again = agent.connect();
  EXPECT_TRUE(eventually([&] { return agent_status(agent.id) == "connected"; }));
}

TEST_F(FleetTest, AfterARestartKnownAgentsHaveAGracePeriod) {
  TestAgent gone = joined_agent();
  TestAgent back = joined_agent();
  ControlStream one = gone.connect();
  ControlStream two = back.connect();
  ASSERT_TRUE(eventually([&] { return agent_status(gone.id) + agent_status(back.id) == "connectedconnected"; }));
  stop_controller();
  EXPECT_EQ(one.end().error_code(), StatusCode::UNAVAILABLE);
  clock_.advance(kGrace * 10);  // the controller was away for long: that is not the agents' silence
  start_controller();
  TestAgent returned(address_, back.id, back.credential);
  ControlStream three = returned.connect();
  clock_.advance(kGrace);
  ASSERT_TRUE(eventually([&] { return agent_status(gone.id) == "lost"; }));
}

TEST_F(FleetTest, ATakenPortIsReportedInOneSentence) {
  const int port = std::stoi(address_.substr(address_.find(':') + 1));
  const auto second =
      make_fleet_server({*runtime_, *store_, *artifacts_, inference_, progress_, clock_, log_}, {.port = port});
  const Result<int> started = second->start();
  ASSERT_FALSE(started);
  EXPECT_NE(started.error().message.find("cannot listen for agents on 127.0.0.1:" + std::to_string(port)),
            std::string::npos);
}

}  // namespace
}  // namespace luthier::fleet
