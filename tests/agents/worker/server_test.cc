#include "agents/worker/serve/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/file.h"
#include "base/unique_fd.h"
#include "tests/agents/worker/temporary_folder.h"

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

// Says the prompt's characters one by one, over and over, until max_tokens; "fail" fails, "refuse" is refused.
class EchoAnswer final : public Answer {
 public:
  explicit EchoAnswer(GenerateRequest request) : request_(std::move(request)) {}
  Result<Piece> next() override {
    if (request_.prompt == "fail") {
      return Error{ErrorCode::kInternal, "it failed"};
    }
    Piece piece{std::string(1, request_.prompt[static_cast<std::size_t>(made_) % request_.prompt.size()]),
                std::nullopt};
    if (++made_ == request_.max_tokens) {
      piece.finish_reason = "length";
    }
    return piece;
  }
  [[nodiscard]] Usage usage() const override { return {std::ssize(request_.prompt), made_}; }

 private:
  const GenerateRequest request_;
  std::int64_t made_ = 0;
};

class EchoAnswerer final : public Answerer {
 public:
  Result<std::unique_ptr<Answer>> start(const GenerateRequest& request) override {
    if (request.prompt == "refuse") {
      return Error{ErrorCode::kResourceExhausted, "too long"};
    }
    return std::unique_ptr<Answer>(std::make_unique<EchoAnswer>(request));
  }
};

class Client {
 public:
  explicit Client(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  void send(const std::string& line) { EXPECT_TRUE(write_all(socket_.get(), line + "\n")); }
  Json receive() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
      char bytes[4096];
      const ssize_t count = ::read(socket_.get(), bytes, sizeof(bytes));
      if (count <= 0) {
        return nullptr;
      }
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
    Json json = Json::parse(buffer_.substr(0, end));
    buffer_.erase(0, end + 1);
    return json;
  }
  // Everything of `id` up to its last line.
  std::pair<std::string, Json> answer(const std::string& id) {
    std::string text;
    while (true) {
      Json json = receive();
      if (json.is_null() || (json["id"] == id && json["type"] != "delta")) {
        return {text, json};
      }
      if (json["id"] == id) {
        text += json["text"].get<std::string>();
      }
    }
  }

 private:
  UniqueFd socket_;
  std::string buffer_;
};

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : path_((folder_.path() / "s").string()) {
    auto server = Server::listen(path_, answerer_);
    EXPECT_TRUE(server);
    server_ = std::move(*server);
    thread_ = std::thread([this] { EXPECT_TRUE(server_->run([this] { return stop_.load(); })); });
  }
  ~ServerTest() override {
    stop_ = true;
    thread_.join();
  }

  TemporaryFolder folder_;
  std::string path_;
  EchoAnswerer answerer_;
  std::unique_ptr<Server> server_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_F(ServerTest, AnswersWithDeltasAndUsage) {
  Client client(path_);
  client.send(R"({"id":"1","type":"generate","prompt":"abc","max_tokens":4})");
  const auto [text, done] = client.answer("1");
  EXPECT_EQ(text, "abca");
  EXPECT_EQ(done["finish_reason"], "length");
  EXPECT_EQ(done["usage"]["prompt_tokens"], 3);
  EXPECT_EQ(done["usage"]["completion_tokens"], 4);
}

TEST_F(ServerTest, AShortAnswerDoesNotWaitForALongOne) {
  Client client(path_);
  client.send(R"({"id":"long","type":"generate","prompt":"ab","max_tokens":1000000})");
  client.send(R"({"id":"short","type":"generate","prompt":"xy","max_tokens":2})");
  EXPECT_EQ(client.answer("short").first, "xy");
  client.send(R"({"id":"long","type":"cancel"})");
  EXPECT_EQ(client.answer("long").second["finish_reason"], "cancelled");
}

TEST_F(ServerTest, AReaderThatStopsReadingHoldsBackItselfAlone) {
  Client lazy(path_);
  lazy.send(R"({"id":"1","type":"generate","prompt":"ab","max_tokens":1000000})");
  Client other(path_);
  for (int i = 0; i < 20; ++i) {
    other.send(R"({"id":"1","type":"generate","prompt":"xyz","max_tokens":3})");
    EXPECT_EQ(other.answer("1").first, "xyz");
  }
}

TEST_F(ServerTest, BadRequestsGetOneErrorEach) {
  Client client(path_);
  client.send("nonsense");
  EXPECT_EQ(client.receive()["code"], "invalid_request");
  client.send(R"({"id":"1","type":"generate","prompt":"refuse"})");
  EXPECT_EQ(client.receive()["code"], "context_length_exceeded");
  client.send(R"({"id":"1","type":"generate","prompt":"fail"})");
  EXPECT_EQ(client.receive()["code"], "internal");
  client.send(R"({"id":"1","type":"generate","prompt":"ok","max_tokens":2})");
  EXPECT_EQ(client.answer("1").first, "ok");  // the connection still works
}

TEST_F(ServerTest, AnIdMayNotRunTwice) {
  Client client(path_);
  client.send(R"({"id":"1","type":"generate","prompt":"ab","max_tokens":1000000})");
  client.send(R"({"id":"1","type":"generate","prompt":"ab"})");
  EXPECT_EQ(client.answer("1").second["type"], "error");
}

}  // namespace
}  // namespace luthier::worker
