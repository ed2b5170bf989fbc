#include "integrations/http_client.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/unique_fd.h"
#include "controller/http/transport.h"

namespace luthier::integrations {
namespace {

class EndlessSource final : public http::BodySource {
 public:
  Piece pull() override { return {.bytes = "tick\n", .retry_after = milliseconds(1)}; }
};
class BrokenSource final : public http::BodySource {
 public:
  Piece pull() override {
    Piece piece{.bytes = told_ ? "" : "half"};
    piece.broken = told_;
    told_ = true;
    return piece;
  }

 private:
  bool told_ = false;
};
class LengthSink final : public http::BodySink {
 public:
  Result<void> write(std::string_view bytes) override {
    total_ += bytes.size();
    return {};
  }
  http::Response finish() override { return http::text_response(std::to_string(total_), 201); }

 private:
  std::size_t total_ = 0;
};

class HttpClientTest : public testing::Test {
 protected:
  void SetUp() override {
    add("GET", "/hello", [](const http::Request& request, const http::Reply& reply) {
      http::Response response = http::text_response("hello " + request.header("x-name"));
      response.headers.emplace_back("X-Answer", "yes");
      reply(std::move(response));
    });
    add("POST", "/echo",
        [](const http::Request& request, const http::Reply& reply) { reply(http::text_response(request.body)); });
    for (const char* method : {"GET", "POST"}) {
      add(method, "/busy", [this](const http::Request&, const http::Reply& reply) {
        const int count = ++busy_count_;
        reply(count < 3 ? http::text_response("busy", 503) : http::text_response("at last"));
      });
    }
    add("GET", "/large",
        [](const http::Request&, const http::Reply& reply) { reply(http::text_response(std::string(100'000, 'x'))); });
    add("GET", "/never", [this](const http::Request&, const http::Reply& reply) { kept_ = reply; });
    add("GET", "/endless", [](const http::Request&, const http::Reply& reply) {
      http::Response response;
      response.stream = std::make_shared<EndlessSource>();
      reply(std::move(response));
    });
    add("GET", "/broken", [](const http::Request&, const http::Reply& reply) {
      http::Response response;
      response.stream = std::make_shared<BrokenSource>();
      reply(std::move(response));
    });
    router_.add({.method = "PUT", .pattern = "/upload", .open_sink = [](const http::Request&) {
                   return Result<std::unique_ptr<http::BodySink>>(std::make_unique<LengthSink>());
                 }});
    ASSERT_TRUE(transport_.start().has_value());
  }

  void add(const std::string& method, const std::string& pattern,
           std::function<void(const http::Request&, http::Reply)> handle) {
    router_.add({.method = method, .pattern = pattern, .handle = std::move(handle)});
  }
  std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(transport_.port()) + path;
  }

  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kError, .fd = nowhere_.get()}};
  std::atomic<int> busy_count_ = 0;
  http::Reply kept_;
  http::Router router_;
  http::Transport transport_{router_, nullptr, {.stop_grace = milliseconds(10)}, log_};
  HttpClient client_;
};

TEST_F(HttpClientTest, GivesStatusHeadersAndBody) {
  const auto response = client_.request({.url = url("/hello"), .headers = {{"X-Name", "you"}}});
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->body, "hello you");
  EXPECT_EQ(response->headers.at("x-answer"), "yes");
  EXPECT_EQ(client_.request({.url = url("/nothing")})->status, 404);
  EXPECT_EQ(client_.request({.method = "POST", .url = url("/echo"), .body = "abc"})->body, "abc");
  EXPECT_EQ(client_.request({.method = "POST", .url = url("/echo")})->body, "");
  EXPECT_EQ(client_.request({.url = url("/hello")})->body, "hello ") << "nothing is left of the request before";
}

TEST_F(HttpClientTest, TriesAgainOnlyWhatMayBeRepeated) {
  EXPECT_EQ(client_.request({.url = url("/busy")})->body, "at last");
  EXPECT_EQ(busy_count_, 3);
  busy_count_ = 0;
  EXPECT_EQ(client_.request({.method = "POST", .url = url("/busy")})->status, 503);
  EXPECT_EQ(busy_count_, 1);
  busy_count_ = -5;
  EXPECT_EQ(client_.request({.url = url("/busy"), .retries = 1})->status, 503);
  EXPECT_EQ(busy_count_, -3);
}

TEST_F(HttpClientTest, SaysWhatWentWrong) {
  struct Case {
    HttpRequest request;
    ErrorCode code;
  };
  for (const Case& item : std::vector<Case>{
           {{.url = "http://127.0.0.1:1/x", .retries = 0}, ErrorCode::kUnavailable},
           {{.url = "ftp://127.0.0.1/x"}, ErrorCode::kInvalidArgument},
           {{.url = "not a url"}, ErrorCode::kInvalidArgument},
           {{.url = url("/never"), .timeout = milliseconds(100)}, ErrorCode::kDeadlineExceeded},
           {{.url = url("/large"), .body_bytes_max = 1'000}, ErrorCode::kResourceExhausted},
           {{.url = url("/broken"), .retries = 0}, ErrorCode::kUnavailable},
           {{.method = "PUT", .url = url("/upload"), .upload = "/nonexistent/file"}, ErrorCode::kNotFound},
           {{.url = url("/never"), .cancelled = [] { return true; }}, ErrorCode::kCancelled},
       }) {
    HttpRequest request = item.request;
    request.headers = {{"Authorization", "Bearer very-secret"}};
    const auto response = client_.request(request);
    ASSERT_FALSE(response.has_value()) << item.request.url;
    EXPECT_EQ(response.error().code, item.code) << response.error().message;
    EXPECT_EQ(response.error().message.find("very-secret"), std::string::npos);
  }
}

TEST_F(HttpClientTest, UploadsFilesOfAnySize) {
  const auto path = std::filesystem::temp_directory_path() / ("luthier-upload-" + std::to_string(::getpid()));
  for (const std::size_t size : {0UL, 5UL, 3'000'000UL}) {
    std::ofstream(path, std::ios::binary) << std::string(size, 'x');
    const auto response = client_.request({.method = "PUT", .url = url("/upload"), .upload = path});
    ASSERT_TRUE(response.has_value()) << response.error().message;
    EXPECT_EQ(response->status, 201);
    EXPECT_EQ(response->body, std::to_string(size));
  }
  std::filesystem::remove(path);
}

TEST_F(HttpClientTest, StreamsUntilTheReaderHasEnough) {
  std::string got;
  const auto response =
      client_.stream({.url = url("/endless"), .timeout = milliseconds(0)}, [&](std::string_view bytes) {
        got += bytes;
        return got.size() < 50;
      });
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code, ErrorCode::kCancelled);
  EXPECT_GE(got.size(), 50U);
  EXPECT_EQ(client_.request({.url = url("/hello")})->status, 200) << "the client can be used on";
}

TEST_F(HttpClientTest, AStreamsErrorAnswerIsKeptAndACutStreamIsAnError) {
  bool called = false;
  const auto on_bytes = [&called](std::string_view) { return called = true; };
  const auto refused = client_.stream({.url = url("/nothing")}, on_bytes);
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->status, 404);
  EXPECT_FALSE(refused->body.empty());
  EXPECT_FALSE(called);
  const auto cut = client_.stream({.url = url("/broken")}, on_bytes);
  ASSERT_FALSE(cut.has_value());
  EXPECT_EQ(cut.error().code, ErrorCode::kUnavailable);
  EXPECT_TRUE(called);
}

}  // namespace
}  // namespace luthier::integrations
