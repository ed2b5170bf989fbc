// The planes that carry bytes: blobs, telemetry and inference, over real gRPC and the real store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/digest/digest.h"
#include "tests/controller/fleet/test_controller.h"

namespace luthier::fleet {
namespace {

using core::Json;
using grpc::StatusCode;

grpc::Status upload(TestAgent& agent, const std::string& digest, std::uint64_t bytes, const std::string& content,
                    std::size_t chunk_bytes = 100'000) {
  const auto context = agent.new_context();
  v1::UploadResponse response;
  const auto stream = agent.blobs->Upload(context.get(), &response);
  v1::UploadRequest request;
  request.mutable_header()->set_digest(digest);
  request.mutable_header()->set_bytes(bytes);
  bool open = stream->Write(request);
  for (std::size_t at = 0; open && at < content.size(); at += chunk_bytes) {
    request.set_chunk(content.substr(at, chunk_bytes));
    open = stream->Write(request);
  }
  stream->WritesDone();
  return stream->Finish();
}

std::pair<grpc::Status, std::string> download(TestAgent& agent, const std::string& digest, std::uint64_t offset) {
  const auto context = agent.new_context();
  v1::DownloadRequest request;
  request.set_digest(digest);
  request.set_offset(offset);
  const auto stream = agent.blobs->Download(context.get(), request);
  std::string content;
  v1::DownloadResponse response;
  while (stream->Read(&response)) {
    content += response.chunk();
  }
  return {stream->Finish(), content};
}

std::vector<std::string> missing(TestAgent& agent, const std::vector<std::string>& digests) {
  v1::FindMissingRequest request;
  request.mutable_digests()->Assign(digests.begin(), digests.end());
  v1::FindMissingResponse response;
  EXPECT_TRUE(agent.blobs->FindMissing(agent.new_context().get(), request, &response).ok());
  return {response.digests().begin(), response.digests().end()};
}

std::string some_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i] = static_cast<char>((i * 2'654'435'761U) >> 13);
  }
  return bytes;
}

TEST_F(FleetTest, ABlobComesBackFromAnyOffset) {
  TestAgent agent = joined_agent();
  const std::string content = some_bytes(1'000'003);
  const std::string digest = sha256_digest(content);
  EXPECT_EQ(missing(agent, {digest}), std::vector<std::string>{digest});
  ASSERT_TRUE(upload(agent, digest, content.size(), content).ok());
  EXPECT_TRUE(missing(agent, {digest}).empty());
  for (const std::size_t offset : {std::size_t{0}, std::size_t{1}, std::size_t{262'144}, content.size()}) {
    const auto [status, rest] = download(agent, digest, offset);
    EXPECT_TRUE(status.ok());
    EXPECT_TRUE(rest == content.substr(offset)) << "from offset " << offset;
  }
  EXPECT_TRUE(upload(agent, digest, content.size(), content).ok());  // again: answered at once
}

TEST_F(FleetTest, AnUploadThatIsNotWhatItPromisedLeavesNothing) {
  TestAgent agent = joined_agent();
  const std::string content = some_bytes(300'000);
  const std::string digest = sha256_digest(content);
  std::string damaged = content;
  damaged[150'000] = static_cast<char>(damaged[150'000] ^ 1);
  EXPECT_EQ(upload(agent, digest, content.size(), damaged).error_code(), StatusCode::DATA_LOSS);
  EXPECT_EQ(upload(agent, digest, content.size(), content.substr(1)).error_code(), StatusCode::DATA_LOSS);
  EXPECT_FALSE(upload(agent, digest, content.size(), content + "x").ok());
  EXPECT_EQ(missing(agent, {digest}).size(), 1U);
  EXPECT_TRUE(upload(agent, digest, content.size(), content).ok());
  EXPECT_TRUE(missing(agent, {digest}).empty());
}

TEST_F(FleetTest, AnUploadBrokenOffIsBegunAgain) {
  TestAgent agent = joined_agent();
  const std::string content = some_bytes(500'000);
  const std::string digest = sha256_digest(content);
  {
    const auto context = agent.new_context();
    v1::UploadResponse response;
    const auto stream = agent.blobs->Upload(context.get(), &response);
    v1::UploadRequest request;
    request.mutable_header()->set_digest(digest);
    request.mutable_header()->set_bytes(content.size());
    stream->Write(request);
    request.set_chunk(content.substr(0, 100'000));
    stream->Write(request);
    context->TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }
  EXPECT_EQ(missing(agent, {digest}).size(), 1U);
  EXPECT_TRUE(upload(agent, digest, content.size(), content).ok());
}

TEST_F(FleetTest, RefusesWhatIsNoBlobTraffic) {
  TestAgent agent = joined_agent();
  EXPECT_EQ(upload(agent, "sha256:xyz", 1, "x").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(upload(agent, "../../etc/passwd", 1, "x").error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(download(agent, sha256_digest("absent"), 0).first.error_code(), StatusCode::NOT_FOUND);
  const auto context = agent.new_context();
  v1::UploadResponse response;
  const auto stream = agent.blobs->Upload(context.get(), &response);
  v1::UploadRequest chunk;
  chunk.set_chunk("no header before me");
  stream->Write(chunk);
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), StatusCode::INVALID_ARGUMENT);
}

TEST_F(FleetTest, AManifestNeedsItsBlobs) {
  TestAgent agent = joined_agent();
  const artifact::Manifest manifest{"dataset", {{"a.jsonl", sha256_digest("content"), 7}}};
  v1::PutManifestRequest request;
  request.set_manifest_json(artifact::manifest_to_json(manifest));
  v1::PutManifestResponse response;
  EXPECT_EQ(agent.blobs->PutManifest(agent.new_context().get(), request, &response).error_code(),
            StatusCode::FAILED_PRECONDITION);
  ASSERT_TRUE(upload(agent, sha256_digest("content"), 7, "content").ok());
  ASSERT_TRUE(agent.blobs->PutManifest(agent.new_context().get(), request, &response).ok());
  EXPECT_EQ(response.digest(), artifact::manifest_digest(manifest));
  v1::GetManifestRequest get;
  get.set_digest(response.digest());
  v1::GetManifestResponse got;
  ASSERT_TRUE(agent.blobs->GetManifest(agent.new_context().get(), get, &got).ok());
  EXPECT_EQ(artifact::manifest_from_json(got.manifest_json()).value(), manifest);
}

class TelemetryTest : public FleetTest {
 protected:
  TelemetryTest() : agent_(joined_agent()), stream_(agent_.connect()) {
    submit();
    EXPECT_TRUE(stream_.hear().has_start_attempt());
  }

  v1::AppendLogResponse append_log(const AttemptId& attempt, std::uint64_t offset, const std::string& data) {
    v1::AppendLogRequest request;
    *request.mutable_attempt() = to_proto(attempt);
    request.set_offset(offset);
    request.set_data(data);
    v1::AppendLogResponse response;
    EXPECT_TRUE(agent_.telemetry->AppendLog(agent_.new_context().get(), request, &response).ok());
    return response;
  }
  grpc::Status report_progress(const AttemptId& attempt, const std::string& json, bool& refused) {
    v1::ReportProgressRequest request;
    *request.mutable_attempt() = to_proto(attempt);
    request.set_progress_json(json);
    v1::ReportProgressResponse response;
    const grpc::Status status = agent_.telemetry->ReportProgress(agent_.new_context().get(), request, &response);
    refused = response.refused();
    return status;
  }
  void end_attempt(const AttemptId& attempt, v1::Outcome outcome) {
    v1::ConnectRequest message;
    *message.mutable_attempt_finished()->mutable_attempt() = to_proto(attempt);
    message.mutable_attempt_finished()->set_outcome(outcome);
    stream_.say(message);
    EXPECT_TRUE(eventually([&] { return stream_.hear().acknowledge().report() == v1::ACKNOWLEDGED_REPORT_FINISHED; }));
  }

  TestAgent agent_;
  ControlStream stream_;
};

TEST_F(TelemetryTest, RepeatedAndOverlappingLogBytesAreStoredOnce) {
  EXPECT_EQ(append_log(first_, 0, "hello ").next_offset(), 6U);
  EXPECT_EQ(append_log(first_, 0, "hello ").next_offset(), 6U);
  EXPECT_EQ(append_log(first_, 3, "lo world").next_offset(), 11U);
  EXPECT_EQ(append_log(first_, 20, "a gap").next_offset(), 11U);
  EXPECT_EQ(store_->read_log(first_, 0, 100)->bytes, "hello world");
}

TEST_F(TelemetryTest, TheTailOfAnEndedAttemptIsAcceptedASupersededOneRefused) {
  append_log(first_, 0, "first");
  end_attempt(first_, v1::OUTCOME_INFRASTRUCTURE_FAILURE);
  v1::ConnectRequest released;
  *released.mutable_allocation_released()->mutable_attempt() = to_proto(first_);
  stream_.say(released);
  AttemptId second = first_;
  second.number = 2;
  ASSERT_TRUE(eventually([&] { return stream_.hear().has_start_attempt(); }));
  EXPECT_TRUE(append_log(first_, 5, " late").refused());
  EXPECT_FALSE(append_log(second, 0, "second").refused());

  end_attempt(second, v1::OUTCOME_SUCCEEDED);
  ASSERT_FALSE(runtime_->is_current(second));
  const v1::AppendLogResponse tail = append_log(second, 6, ", its tail");
  EXPECT_FALSE(tail.refused());
  EXPECT_EQ(store_->read_log(second, 0, 100)->bytes, "second, its tail");
  EXPECT_TRUE(append_log(first_, 5, " late").refused());
  EXPECT_TRUE(append_log(AttemptId{RunId{"r-99"}, StepId{"one"}, 1}, 0, "who").refused());
}

TEST_F(TelemetryTest, TheTailOfAModelThatIsNotServedAnyMoreIsAccepted) {
  const auto call = [this](auto input) {
    std::promise<bool> answer;
    runtime_->call(
        [&input](core::RequestId request) {
          input.request = request;
          return core::Input(input);
        },
        [&answer](const Result<core::Json>& result) { answer.set_value(result.has_value()); });
    return answer.get_future().get();
  };
  ASSERT_TRUE(call(core::RegisterModel{.model = "m", .weights = {"sha256:b", ""}}));
  ASSERT_TRUE(call(core::UseModel{.model = "m"}));
  const AttemptId serve{RunId{"d-1"}, core::serve_step(), 1};
  ASSERT_TRUE(eventually([&] { return stream_.hear().has_start_attempt(); }));
  append_log(serve, 0, "loading");
  end_attempt(serve, v1::OUTCOME_USER_FAILURE);
  EXPECT_FALSE(call(core::UseModel{.model = "m"}));  // says why, and stops the deployment
  settle();
  ASSERT_FALSE(runtime_->is_current(serve));
  EXPECT_FALSE(append_log(serve, 7, ", broken").refused());
  EXPECT_EQ(store_->read_log(serve, 0, 100)->bytes, "loading, broken");
  EXPECT_TRUE(append_log(AttemptId{RunId{"d-1"}, core::serve_step(), 2}, 0, "who").refused());
  EXPECT_TRUE(append_log(AttemptId{RunId{"d-9"}, core::serve_step(), 1}, 0, "who").refused());
}

TEST_F(TelemetryTest, TheFirstWriteOfAMetricWins) {
  v1::AppendMetricsRequest request;
  *request.mutable_attempt() = to_proto(first_);
  v1::MetricPoint& point = *request.add_points();
  point.set_series("train_loss");
  point.set_step(1);
  point.set_value(0.5);
  v1::AppendMetricsResponse response;
  ASSERT_TRUE(agent_.telemetry->AppendMetrics(agent_.new_context().get(), request, &response).ok());
  point.set_value(0.7);
  ASSERT_TRUE(agent_.telemetry->AppendMetrics(agent_.new_context().get(), request, &response).ok());
  EXPECT_FALSE(response.refused());
  const auto points = store_->read_metrics(first_.run, first_.step, "train_loss", -1, 10).value();
  ASSERT_EQ(points.size(), 1U);
  EXPECT_EQ(points[0].value, 0.5);
}

TEST_F(TelemetryTest, ProgressIsKeptForLiveAttemptsOnly) {
  bool refused = false;
  EXPECT_TRUE(report_progress(first_, R"({"step":3})", refused).ok());
  EXPECT_FALSE(refused);
  EXPECT_EQ(progress_.newest(first_), (Json{{"step", 3}}));
  EXPECT_EQ(report_progress(first_, "{", refused).error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(report_progress(first_, "[1]", refused).error_code(), StatusCode::INVALID_ARGUMENT);
  end_attempt(first_, v1::OUTCOME_SUCCEEDED);
  EXPECT_TRUE(report_progress(first_, R"({"step":4})", refused).ok());
  EXPECT_TRUE(refused);
}

TEST_F(TelemetryTest, ABrokenAttemptOrTooManyBytesAreInvalid) {
  v1::AppendLogRequest request;
  v1::AppendLogResponse response;
  EXPECT_EQ(agent_.telemetry->AppendLog(agent_.new_context().get(), request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
  *request.mutable_attempt() = to_proto(first_);
  request.set_data(std::string((1 << 20) + 1, 'x'));
  EXPECT_EQ(agent_.telemetry->AppendLog(agent_.new_context().get(), request, &response).error_code(),
            StatusCode::INVALID_ARGUMENT);
}

// --- inference ---

struct Answer {
  std::promise<std::string> end;
  std::string text;
  bool refused = false;
  controller::GenerateCallbacks callbacks() {
    return {[this](std::string token) { text += token; },
            [this](const std::string& reason, std::int64_t prompt, std::int64_t completion) {
              end.set_value(reason + " " + std::to_string(prompt) + " " + std::to_string(completion));
            },
            [this](const Error& error) {
              refused = true;
              end.set_value("error: " + error.message);
            }};
  }
};

TEST_F(FleetTest, TokensFlowFromTheAgentToTheCaller) {
  TestAgent agent = joined_agent();
  const auto context = agent.new_context();
  const auto stream = agent.inference->Attach(context.get());
  v1::AttachRequest message;
  message.mutable_hello()->set_agent_id(agent.id);
  message.mutable_hello()->set_credits(2);
  stream->Write(message);

  const AttemptId serving{RunId{"d-1"}, StepId{"serve"}, 1};
  Answer answer;
  // The stream is attached a moment after the write; until then there is nobody to ask.
  ASSERT_TRUE(eventually([&] {
    answer = {};
    inference_.generate(AgentId{agent.id}, serving, Json{{"prompt", "2 + 2 ="}}, answer.callbacks());
    return !answer.refused;
  }));
  v1::AttachResponse generate;
  ASSERT_TRUE(stream->Read(&generate));
  EXPECT_EQ(from_proto(generate.generate().deployment()).value(), serving);
  EXPECT_EQ(Json::parse(generate.generate().request_json()), (Json{{"prompt", "2 + 2 ="}}));
  for (const char* text : {" ", "4"}) {
    message.mutable_token()->set_request_id(generate.generate().request_id());
    message.mutable_token()->set_text(text);
    stream->Write(message);
  }
  message.mutable_done()->set_request_id(generate.generate().request_id());
  message.mutable_done()->set_finish_reason("stop");
  message.mutable_done()->set_prompt_tokens(4);
  message.mutable_done()->set_completion_tokens(2);
  stream->Write(message);
  EXPECT_EQ(answer.end.get_future().get(), "stop 4 2");
  EXPECT_EQ(answer.text, " 4");

  Answer cut_off;
  inference_.generate(AgentId{agent.id}, serving, Json::object(), cut_off.callbacks());
  context->TryCancel();
  EXPECT_THAT(cut_off.end.get_future().get(), testing::HasSubstr("is gone; try again"));
}

}  // namespace
}  // namespace luthier::fleet
