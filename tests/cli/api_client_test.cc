#include "cli/api_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "base/unique_fd.h"
#include "cli/generate.h"
#include "cli/models.h"
#include "controller/http/transport.h"

namespace luthier::cli {
namespace {

class TextSource final : public http::BodySource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  Piece pull() override { return {.bytes = text_, .end = true}; }

 private:
  const std::string text_;
};

class ApiClientTest : public testing::Test {
 protected:
  void SetUp() override {
    answer("GET", "/good", 200, R"({"a": 1})");
    answer("GET", "/html", 200, "<html>");
    answer("GET", "/bare", 502, "bad gateway");
    answer("GET", "/gone", 404, R"({"error": {"code": "not_found", "message": "there is none", "details": []}})");
    answer("GET", "/busy", 429, R"({"error": {"code": "resource_exhausted", "message": "busy", "details": []}})");
    answer("GET", "/wrong-key", 401, R"({"error": {"code": "unauthenticated", "message": "no", "details": []}})");
    answer("POST", "/bad", 400,
           R"({"error": {"code": "invalid_argument", "message": "x", "details": [{"rendered": "f:1:2: one\n  ^"}]}})");
    answer("GET", "/api/v1/models/m", 200,
           R"({"name": "m", "aliases": {"production": 1, "beta": 2}, "versions": [{"version": 1}, {"version": 2}]})");
    answer("GET", "/api/v1/models/plain", 200,
           R"({"name": "plain", "aliases": {}, "versions": [{"version": 1}, {"version": 2}]})");
    router_.add({.method = "POST",
                 .pattern = "/api/v1/generate",
                 .handle = [this](const http::Request& request, const http::Reply& reply) {
                   asked_ = Json::parse(request.body);
                   http::Response response;
                   response.content_type = "text/event-stream";
                   response.stream = std::make_shared<TextSource>(generated_);
                   reply(std::move(response));
                 }});
    ASSERT_TRUE(transport_.start().has_value());
    api_.emplace(Connection{"http://127.0.0.1:" + std::to_string(transport_.port()), "k", "the test"});
  }

  void answer(const std::string& method, const std::string& pattern, int status, const std::string& body) {
    router_.add({.method = method,
                 .pattern = pattern,
                 .handle = [status, body](const http::Request&, const http::Reply& reply) {
                   reply(http::text_response(body, status));
                 }});
  }

  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kError, .fd = nowhere_.get()}};
  std::string generated_;
  Json asked_;
  http::Router router_;
  http::Transport transport_{router_, nullptr, {.stop_grace = milliseconds(10)}, log_};
  std::optional<ApiClient> api_;
};

TEST_F(ApiClientTest, AnswersBecomeJsonAndRefusalsErrors) {
  EXPECT_EQ(*api_->get("/good"), (Json{{"a", 1}}));
  struct Case {
    const char* path;
    ErrorCode code;
    const char* says;
  };
  for (const Case& item : std::vector<Case>{{"/gone", ErrorCode::kNotFound, "there is none"},
                                            {"/busy", ErrorCode::kResourceExhausted, "busy"},
                                            {"/wrong-key", ErrorCode::kUnauthenticated, "the key is from the test"},
                                            {"/html", ErrorCode::kInternal, "did not answer in JSON"},
                                            {"/bare", ErrorCode::kInternal, "502"}}) {
    const Result<Json> refused = api_->get(item.path);
    ASSERT_FALSE(refused.has_value()) << item.path;
    EXPECT_EQ(refused.error().code, item.code) << item.path;
    EXPECT_NE(refused.error().message.find(item.says), std::string::npos) << refused.error().message;
  }
}

TEST_F(ApiClientTest, DiagnosticsAreShownAsRendered) {
  const Result<Json> refused = api_->post("/bad", Json::object());
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(refused.error().message, "the pipeline has errors\nf:1:2: one\n  ^");
}

TEST_F(ApiClientTest, AnAbsentControllerIsToldApartFromAnUnwillingOne) {
  ApiClient absent(Connection{"http://127.0.0.1:1", "k", "the test"});
  const Result<Json> answer_of_nobody = absent.post("/x", Json::object());
  ASSERT_FALSE(answer_of_nobody.has_value());
  EXPECT_EQ(answer_of_nobody.error().code, ErrorCode::kUnavailable);
  EXPECT_NE(answer_of_nobody.error().message.find("luthier up"), std::string::npos);
}

TEST_F(ApiClientTest, VersionsAreFoundAsTheControllerFindsThem) {
  const std::vector<std::pair<std::string, int>> table = {
      {"m", 1},     {"m@2", 2}, {"m@beta", 2}, {"m@production", 1},
      {"plain", 2}, {"m@7", 0}, {"m@none", 0}, {"plain@production", 0}};
  for (const auto& [reference, version] : table) {
    const Result<Json> found = find_version(*api_, reference);
    EXPECT_EQ(found.has_value() ? found->value("version", 0) : 0, version) << reference;
  }
}

TEST_F(ApiClientTest, GenerationsAreReadAsTheyStream) {
  generated_ =
      "data: {\"text\": \"Good \"}\n\n: ping\n\ndata: {\"text\": \"day\"}\n\n"
      "data: {\"finish_reason\": \"stop\", \"usage\": {\"prompt_tokens\": 1}}\n\ndata: [DONE]\n\n";
  std::string streamed;
  const Result<Json> answer = generate(*api_, {.model = "m", .seed = 7}, Json{{"prompt", "Hello"}},
                                       [&](std::string_view text) { streamed += text; });
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(streamed, "Good day");
  EXPECT_EQ((*answer)["text"], "Good day");
  EXPECT_EQ((*answer)["finish_reason"], "stop");
  EXPECT_EQ(asked_["temperature"], 0.0);
  EXPECT_EQ(asked_["apply_template"], true);
  EXPECT_EQ(asked_["seed"], 7);
  EXPECT_EQ(asked_["stream"], true);

  generated_ =
      "data: {\"text\": \"x\"}\n\ndata: {\"error\": {\"code\": \"unavailable\", \"message\": \"agent gone\"}}\n\n";
  EXPECT_EQ(generate(*api_, {.model = "m"}, Json{{"prompt", "Hello"}}, [](std::string_view) {}).error().message,
            "agent gone");
  generated_ = "data: {\"text\": \"x\"}\n\n";
  EXPECT_FALSE(generate(*api_, {.model = "m"}, Json{{"prompt", "Hello"}}, [](std::string_view) {}).has_value())
      << "it was cut short";
}

TEST(Segment, OddIdsMakeSafePaths) {
  EXPECT_EQ(segment("train[lr=0.1]"), "train%5Blr%3D0.1%5D");
  EXPECT_EQ(segment("../x?y"), "..%2Fx%3Fy");
}

}  // namespace
}  // namespace luthier::cli
