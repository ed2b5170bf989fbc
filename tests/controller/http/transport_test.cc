#include "controller/http/transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <thread>

#include "base/random.h"
#include "tests/controller/http/raw_client.h"

namespace luthier::http {
namespace {

using store::Principal;
using store::Scope;

// A source fed by the test.
class FedSource final : public BodySource {
 public:
  Piece pull() override {
    const std::lock_guard lock(mutex_);
    Piece piece;
    piece.bytes = std::exchange(waiting_, {});
    piece.end = ended_;
    if (piece.bytes == "throw") {
      throw std::runtime_error("a defect");
    }
    return piece;
  }
  void start(std::function<void()> wake) override {
    const std::lock_guard lock(mutex_);
    wake_ = std::move(wake);
  }
  std::string keep_alive() const override { return ": still here\n"; }

  void feed(const std::string& bytes, bool end = false) {
    std::function<void()> wake;
    {
      const std::lock_guard lock(mutex_);
      waiting_ += bytes;
      ended_ = end;
      wake = wake_;
    }
    if (wake) {
      wake();
    }
  }

 private:
  std::mutex mutex_;
  std::string waiting_;
  bool ended_ = false;
  std::function<void()> wake_;
};

class CountingSink final : public BodySink {
 public:
  explicit CountingSink(std::atomic<std::size_t>& largest) : largest_(largest) {}
  Result<void> write(std::string_view bytes) override {
    largest_ = std::max<std::size_t>(largest_, bytes.size());
    total_ += bytes.size();
    if (bytes.substr(0, 4) == "fail") {
      return Error{ErrorCode::kResourceExhausted, "the disk is full"};
    }
    if (bytes.substr(0, 5) == "throw") {
      throw std::runtime_error("a defect");
    }
    return {};
  }
  Response finish() override { return json_response({{"bytes", total_}}, 201); }

 private:
  std::atomic<std::size_t>& largest_;
  std::size_t total_ = 0;
};

class TransportTest : public testing::Test {
 protected:
  void start(Options options = {}) {
    add("GET", "/open", std::nullopt, [](const Request&, const Reply& reply) { reply(text_response("ok\n")); });
    add("POST", "/echo", Scope::kDeveloper, [](const Request& request, const Reply& reply) {
      reply(text_response(request.principal.name + ":" + request.body));
    });
    add(
        "GET", "/later", Scope::kViewer, [this](const Request& request, const Reply& reply) { keep(request, reply); },
        true);
    add("GET", "/broken", Scope::kViewer, [](const Request&, const Reply&) { throw std::runtime_error("a defect"); });
    add("GET", "/forgotten", Scope::kViewer, [](const Request&, const Reply&) {});
    add("GET", "/stream", Scope::kViewer, [this](const Request&, const Reply& reply) {
      Response response;
      response.content_type = "text/plain";
      response.stream = fed_;
      reply(std::move(response));
    });
    router_.add({.method = "PUT",
                 .pattern = "/upload",
                 .scope = Scope::kDeveloper,
                 .open_sink = [this](const Request&) -> Result<std::unique_ptr<BodySink>> {
                   return std::unique_ptr<BodySink>(new CountingSink(largest_write_));
                 }});
    transport_ = std::make_unique<Transport>(
        router_,
        [](const std::string& key) -> Result<Principal> {
          if (key == "k-view") {
            return Principal{"viewer", Scope::kViewer};
          }
          if (key == "k-dev") {
            return Principal{"dev", Scope::kDeveloper};
          }
          return Error{ErrorCode::kUnauthenticated, "this key is not known"};
        },
        options, log_);
    ASSERT_TRUE(transport_->start().has_value());
  }

  void add(const std::string& method, const std::string& pattern, std::optional<Scope> scope,
           std::function<void(const Request&, Reply)> handle, bool slow = false) {
    router_.add({.method = method, .pattern = pattern, .scope = scope, .handle = std::move(handle), .slow = slow});
  }

  void keep(const Request& request, const Reply& reply) {
    const std::lock_guard lock(mutex_);
    kept_reply_ = reply;
    request.cancellation->on_cancel([this] {
      const std::lock_guard cancel_lock(mutex_);
      cancelled_ = true;
      changed_.notify_all();
    });
    changed_.notify_all();
  }

  template <class Condition>
  bool wait_until(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

  std::uint16_t port() const { return transport_->port(); }
  static std::map<std::string, std::string> key(const std::string& text) {
    return {{"Authorization", "Bearer " + text}};
  }

  UniqueFd nowhere_{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  SystemClock clock_;
  Log log_{clock_, {.level = LogLevel::kWarning, .fd = nowhere_.get()}};
  std::mutex mutex_;
  std::condition_variable changed_;
  Reply kept_reply_;
  bool cancelled_ = false;
  std::atomic<std::size_t> largest_write_ = 0;
  std::shared_ptr<FedSource> fed_ = std::make_shared<FedSource>();
  Router router_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportTest, AnswersByKeyAndScope) {
  start();
  struct Case {
    const char* method;
    const char* target;
    std::map<std::string, std::string> headers;
    int status;
    const char* code;
  };
  for (const Case& item : std::vector<Case>{
           {"GET", "/open", {}, 200, ""},
           {"POST", "/echo", {}, 401, "unauthenticated"},
           {"POST", "/echo", key("wrong"), 401, "unauthenticated"},
           {"POST", "/echo", {{"Authorization", "Basic abc"}}, 401, "unauthenticated"},
           {"POST", "/echo", key("k-view"), 403, "permission_denied"},
           {"POST", "/echo", key("k-dev"), 200, ""},
           {"GET", "/nowhere", key("k-dev"), 404, "not_found"},
           {"GET", "/echo", key("k-dev"), 405, "invalid_argument"},
           {"GET", "/open%zz", {}, 400, "invalid_argument"},
           {"GET", "/open?a=%zz", {}, 400, "invalid_argument"},
           {"GET", "/forgotten", key("k-view"), 503, "unavailable"},
       }) {
    const RawResponse response = exchange(port(), item.method, item.target, "", item.headers);
    EXPECT_EQ(response.status, item.status) << item.method << " " << item.target;
    EXPECT_TRUE(response.whole);
    EXPECT_EQ(response.headers.count("x-request-id"), 1U);
    if (*item.code != 0) {
      EXPECT_EQ(response.json()["error"]["code"], item.code) << item.target;
    }
  }
}

TEST_F(TransportTest, KeepsAConnectionForSeveralRequestsEvenPipelined) {
  start();
  RawClient client(port());
  const std::string one = "POST /echo HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer k-dev\r\nContent-Length: 3\r\n\r\n";
  ASSERT_TRUE(client.send(one + "abc" + one + "def" + one + "ghi"));
  EXPECT_EQ(client.response().body, "dev:abc");
  EXPECT_EQ(client.response().body, "dev:def");
  EXPECT_EQ(client.response().body, "dev:ghi");
  ASSERT_TRUE(client.request("GET", "/nowhere"));
  EXPECT_EQ(client.response().status, 404);
  ASSERT_TRUE(client.request("GET", "/open"));
  EXPECT_EQ(client.response().body, "ok\n");
}

TEST_F(TransportTest, KeepsTheClientsRequestIdWhenItIsPlain) {
  start();
  EXPECT_EQ(exchange(port(), "GET", "/open", "", {{"X-Request-Id", "abc-1"}}).headers["x-request-id"], "abc-1");
  EXPECT_NE(exchange(port(), "GET", "/open", "", {{"X-Request-Id", "a b<script>"}}).headers["x-request-id"],
            "a b<script>");
}

TEST_F(TransportTest, BoundsHeadersAndBodies) {
  start({.header_bytes_max = 4096, .body_bytes_max = 1000, .blob_bytes_max = 1000});
  EXPECT_EQ(exchange(port(), "GET", "/open", "", {{"X-Long", std::string(8000, 'x')}}).status, 431);
  EXPECT_EQ(exchange(port(), "POST", "/echo", std::string(1001, 'x'), key("k-dev")).status, 413);
  EXPECT_EQ(exchange(port(), "PUT", "/upload", std::string(1001, 'x'), key("k-dev")).status, 413);
  RawClient chunked(port());
  ASSERT_TRUE(chunked.send(
      "POST /echo HTTP/1.1\r\nHost: t\r\nAuthorization: Bearer k-dev\r\nTransfer-Encoding: chunked\r\n\r\n"));
  for (int i = 0; i < 3; ++i) {
    chunked.send("1f4\r\n" + std::string(500, 'x') + "\r\n");
  }
  chunked.send("0\r\n\r\n");
  EXPECT_EQ(chunked.response().status, 413);
}

TEST_F(TransportTest, RefusesWhatIsNotHttpAndLivesOn) {
  start();
  for (const std::string& text : std::vector<std::string>{
           "hello\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "GET http://x/ HTTP/1.1\r\n\r\n",
           "POST /echo HTTP/1.1\r\nContent-Length: abc\r\n\r\n", "POST /echo HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
           "GET /open HTTP/1.1\r\nbad header\r\n\r\n", std::string("\x16\x03\x01\x02\x00", 5) + "\r\n\r\n"}) {
    RawClient client(port());
    client.send(text);
    client.finish_sending();
    const RawResponse response = client.response();
    EXPECT_TRUE(response.status == 400 || response.status == 0) << text << " gave " << response.status;
  }
  Random random(7);
  for (int round = 0; round < 200; ++round) {
    RawClient client(port());
    std::string noise = random.below(2) == 0 ? "GET /open HTTP/1.1\r\n" : "";
    for (std::uint64_t i = random.below(300); i > 0; --i) {
      noise += static_cast<char>(random.below(256));
    }
    client.send(noise);
    client.finish_sending();
    EXPECT_TRUE(client.closed());
  }
  EXPECT_EQ(exchange(port(), "GET", "/open").status, 200);
}

TEST_F(TransportTest, CutsOffClientsThatSayNothingAndThoseThatStopInTheMiddle) {
  start({.idle_timeout = milliseconds(200), .transfer_timeout = milliseconds(200)});
  RawClient silent(port());
  EXPECT_TRUE(silent.closed());
  RawClient half_header(port());
  half_header.send("GET /open HT");
  EXPECT_TRUE(half_header.closed());
  RawClient half_body(port());
  half_body.send("POST /echo HTTP/1.1\r\nAuthorization: Bearer k-dev\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(half_body.closed());
  EXPECT_EQ(exchange(port(), "GET", "/open").status, 200);
}

TEST_F(TransportTest, TurnsAwayConnectionsBeyondTheBound) {
  start({.connections_max = 2});
  RawClient first(port());
  RawClient second(port());
  first.request("GET", "/open");
  second.request("GET", "/open");
  EXPECT_EQ(first.response().status, 200);
  EXPECT_EQ(second.response().status, 200);
  RawClient third(port());
  EXPECT_EQ(third.response().status, 503);
}

TEST_F(TransportTest, StreamsUploadsInBoundedPieces) {
  start();
  const std::string body(3'000'000, 'x');
  const RawResponse response = exchange(port(), "PUT", "/upload", body, key("k-dev"));
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.json()["bytes"], body.size());
  EXPECT_LE(largest_write_, 256U * 1024U);
}

TEST_F(TransportTest, SaysContinueBeforeALargeUploadButNotToAStranger) {
  start();
  const std::string header = "PUT /upload HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n";
  RawClient client(port());
  client.send(header + "Authorization: Bearer k-dev\r\n\r\n");
  EXPECT_EQ(client.response().status, 100);
  client.send("hello");
  EXPECT_EQ(client.response().status, 201);
  RawClient stranger(port());
  stranger.send(header + "\r\n");
  EXPECT_EQ(stranger.response().status, 401);
}

TEST_F(TransportTest, AnUploadThatFailsIsAnsweredWhileTheClientStillSends) {
  start();
  RawClient client(port());
  client.send("PUT /upload HTTP/1.1\r\nAuthorization: Bearer k-dev\r\nContent-Length: 1000000\r\n\r\nfail" +
              std::string(600'000, 'x'));
  const RawResponse response = client.response();
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.json()["error"]["message"], "the disk is full");
}

TEST_F(TransportTest, AnUploadNeedsALength) {
  start();
  RawClient client(port());
  client.send("PUT /upload HTTP/1.1\r\nAuthorization: Bearer k-dev\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
  EXPECT_EQ(client.response().status, 400);
}

TEST_F(TransportTest, AnswersThatComeLaterFindTheirRequest) {
  start();
  RawClient client(port());
  client.request("GET", "/later", "", key("k-view"));
  ASSERT_TRUE(wait_until([this] { return static_cast<bool>(kept_reply_); }));
  kept_reply_(text_response("at last"));
  kept_reply_(text_response("twice"));
  EXPECT_EQ(client.response().body, "at last");
  client.request("GET", "/open");
  EXPECT_EQ(client.response().body, "ok\n");
  EXPECT_FALSE(cancelled_);
}

TEST_F(TransportTest, AHandlerThatThrowsEndsItsRequestOnly) {
  start();
  for (int i = 0; i < 2; ++i) {
    const auto broken = exchange(port(), "GET", "/broken", "", key("k-view"));
    EXPECT_EQ(broken.status, 500);
    EXPECT_EQ(broken.body.find("a defect"), std::string::npos) << "what went wrong inside is for the log";
  }
  EXPECT_EQ(exchange(port(), "PUT", "/upload", "throw", key("k-dev")).status, 500);
  fed_->feed("throw");
  RawClient client(port());
  client.request("GET", "/stream", "", key("k-view"));
  EXPECT_FALSE(client.response().whole) << "a stream that broke is cut, not ended";
  EXPECT_EQ(exchange(port(), "GET", "/open").body, "ok\n");
}

TEST_F(TransportTest, AClientThatGoesAwayCancelsItsRequest) {
  start();
  {
    RawClient client(port());
    client.request("GET", "/later", "", key("k-view"));
    ASSERT_TRUE(wait_until([this] { return static_cast<bool>(kept_reply_); }));
  }
  EXPECT_TRUE(wait_until([this] { return cancelled_; }));
  kept_reply_(text_response("to nobody"));
}

TEST_F(TransportTest, StreamsAreSentAsTheyAreMade) {
  start();
  RawClient client(port());
  client.request("GET", "/stream", "", key("k-view"));
  EXPECT_EQ(client.header().headers["transfer-encoding"], "chunked");
  std::string piece;
  for (int i = 0; i < 5; ++i) {
    fed_->feed("piece " + std::to_string(i));
    ASSERT_EQ(client.chunk(piece), 1);
    EXPECT_EQ(piece, "piece " + std::to_string(i));
  }
  fed_->feed("end", true);
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_EQ(client.chunk(piece), 0);
  client.request("GET", "/open");
  EXPECT_EQ(client.response().body, "ok\n");
}

TEST_F(TransportTest, SilentStreamsAreKeptAlive) {
  start({.keep_alive_interval = milliseconds(50)});
  RawClient client(port());
  client.request("GET", "/stream", "", key("k-view"));
  client.header();
  std::string piece;
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_EQ(piece, ": still here\n");
  ASSERT_EQ(client.chunk(piece), 1);
  EXPECT_EQ(piece, ": still here\n");
}

TEST_F(TransportTest, AnOldClientGetsAStreamThatEndsByClosing) {
  start();
  RawClient client(port());
  client.send("GET /stream HTTP/1.0\r\nAuthorization: Bearer k-view\r\n\r\n");
  const RawResponse header = client.header();
  EXPECT_EQ(header.status, 200);
  EXPECT_EQ(header.headers.count("transfer-encoding"), 0U);
  fed_->feed("all", true);
  EXPECT_TRUE(client.closed());
}

TEST_F(TransportTest, StoppingCutsStreamsAndIdleConnectionsAndDoesNotWaitForLateAnswers) {
  start({.stop_grace = milliseconds(100)});
  RawClient idle(port());
  RawClient streaming(port());
  streaming.request("GET", "/stream", "", key("k-view"));
  streaming.header();
  RawClient waiting(port());
  waiting.request("GET", "/later", "", key("k-view"));
  ASSERT_TRUE(wait_until([this] { return static_cast<bool>(kept_reply_); }));
  transport_->stop();
  EXPECT_TRUE(idle.closed());
  std::string piece;
  EXPECT_EQ(streaming.chunk(piece), -1);
  EXPECT_TRUE(waiting.closed());
  transport_->stop();
  kept_reply_(text_response("too late"));
  transport_.reset();
  kept_reply_ = nullptr;
}

TEST_F(TransportTest, ARequestInProgressIsAnsweredWhileStopping) {
  start({.stop_grace = milliseconds(10'000)});
  RawClient client(port());
  client.request("GET", "/later", "", key("k-view"));
  ASSERT_TRUE(wait_until([this] { return static_cast<bool>(kept_reply_); }));
  std::thread stopper([this] { transport_->stop(); });
  kept_reply_(text_response("done"));
  EXPECT_EQ(client.response().body, "done");
  stopper.join();
}

TEST_F(TransportTest, SaysWhichAddressIsTaken) {
  start();
  Transport second(router_, nullptr, {.port = port()}, log_);
  const Result<void> started = second.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_NE(started.error().message.find(std::to_string(port())), std::string::npos);
}

TEST_F(TransportTest, DelayedWorkRunsOnAHandlerThread) {
  start();
  std::thread::id where;
  transport_->after(milliseconds(1), [&] {
    const std::lock_guard lock(mutex_);
    where = std::this_thread::get_id();
    changed_.notify_all();
  });
  EXPECT_TRUE(wait_until([&] { return where != std::thread::id(); }));
  EXPECT_NE(where, std::this_thread::get_id());
}

}  // namespace
}  // namespace luthier::http
