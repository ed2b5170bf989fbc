#include "pipelines/worker_protocol/channel.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/unique_fd.h"

namespace luthier::worker_protocol {
namespace {

using std::chrono::milliseconds;

// The shim's side: listens on a socket of its own folder and reads lines.
class Peer {
 public:
  Peer() {
    std::string pattern = (std::filesystem::temp_directory_path() / "channel.XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/s";
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.data(), path_.size());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
  }
  ~Peer() { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Channel> open(Channel::Options options) {
    options.program = "test";
    options.socket_path = path_;
    auto channel = Channel::open(options);
    EXPECT_TRUE(channel) << (channel ? "" : channel.error().message);
    connection_.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    return channel ? std::move(channel).value() : nullptr;
  }

  // Blocks until a line arrives; null at the end of the stream.
  Json read_line() {
    while (buffer_.find('\n') == std::string::npos) {
      char bytes[4096];
      const ssize_t count = ::read(connection_.get(), bytes, sizeof(bytes));
      if (count <= 0) {
        return nullptr;
      }
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
    const std::size_t end = buffer_.find('\n');
    Json line = Json::parse(buffer_.substr(0, end));
    buffer_.erase(0, end + 1);
    return line;
  }

  void write(std::string_view text) { EXPECT_TRUE(write_all(connection_.get(), text)); }
  void close() { connection_.reset(); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string folder_;
  std::string path_;
  UniqueFd listener_;
  UniqueFd connection_;
  std::string buffer_;
};

TEST(Channel, SendsEveryMessageInOrder) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(60'000)});
  ASSERT_TRUE(channel->metric(1, {{"train_loss", 0.5}, {"gradient_norm", std::nan("")}}));
  ASSERT_TRUE(channel->checkpoint(5, "checkpoints/5", {{"valid_loss", 1.0}}));
  std::thread reader([&] {
    Json hello = peer.read_line();
    EXPECT_EQ(hello["pid"], ::getpid());
    hello.erase("pid");
    EXPECT_EQ(hello, (Json{{"type", "hello"}, {"version", 1}, {"program", "test"}}));
    EXPECT_EQ(peer.read_line(), (Json{{"type", "metric"}, {"step", 1}, {"values", {{"train_loss", 0.5}}}}));
    EXPECT_EQ(
        peer.read_line(),
        (Json{{"type", "checkpoint"}, {"step", 5}, {"path", "checkpoints/5"}, {"metrics", {{"valid_loss", 1.0}}}}));
    EXPECT_EQ(peer.read_line(),
              (Json{{"type", "result"}, {"outputs", {{"model", {{"$path", "m"}, {"kind", "model"}}}}}}));
  });
  EXPECT_TRUE(channel->result({{"model", artifact_output("m", "model")}}));
  reader.join();
}

TEST(Channel, SaysWhoseFaultAFailureIs) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(60'000)});
  EXPECT_TRUE(channel->error(FailureClass::kUser, "invalid_data", "bad \xff byte"));
  EXPECT_EQ(peer.read_line()["type"], "hello");
  EXPECT_EQ(
      peer.read_line(),
      (Json{{"type", "error"}, {"class", "user"}, {"code", "invalid_data"}, {"message", "bad \xef\xbf\xbd byte"}}));
}

TEST(Channel, SaysHeartbeatWhileNothingElseIsSaid) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(5)});
  EXPECT_EQ(peer.read_line()["type"], "hello");
  EXPECT_EQ(peer.read_line(), (Json{{"type", "heartbeat"}}));
  EXPECT_EQ(peer.read_line(), (Json{{"type", "heartbeat"}}));
}

TEST(Channel, DropsProgressThatComesTooSoonButNotTheLast) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(60'000), .progress_interval = milliseconds(60'000)});
  for (int done = 1; done <= 99; ++done) {
    channel->progress({.done = done, .total = 100, .unit = "rows"});
    if (done == 1) {
      EXPECT_EQ(peer.read_line()["type"], "hello");
      EXPECT_EQ(peer.read_line(), (Json{{"type", "progress"}, {"done", 1}, {"total", 100}, {"unit", "rows"}}));
    }
  }
  channel->progress({.done = 100, .total = 100});
  EXPECT_EQ(peer.read_line(), (Json{{"type", "progress"}, {"done", 100}, {"total", 100}}));
}

TEST(Channel, HearsControlMessagesAndIgnoresOthers) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(5)});
  EXPECT_FALSE(channel->stop_requested());
  EXPECT_FALSE(channel->take_checkpoint_request());
  peer.write("{\"type\":\"later\"}\nnot json\n[1]\n{\"type\":\"checkpoint_now\"}\n{\"type\":");
  while (!channel->take_checkpoint_request()) {
    peer.read_line();
  }
  EXPECT_FALSE(channel->take_checkpoint_request());
  EXPECT_FALSE(channel->stop_requested());
  peer.write("\"stop\"}\n");
  while (!channel->stop_requested()) {
    peer.read_line();
  }
  EXPECT_TRUE(channel->stop_requested());
}

TEST(Channel, GoesOnWithoutThePeer) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(5)});
  peer.close();
  while (!channel->broken()) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_FALSE(channel->metric(1, {}));
  const auto result = channel->result(Json::object());
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kUnavailable);
}

TEST(Channel, AFullQueueWaitsOnlyAsLongAsAllowed) {
  Peer peer;
  auto channel =
      peer.open({.heartbeat_interval = milliseconds(60'000), .send_timeout = milliseconds(50), .queue_lines_max = 4});
  const std::string path(100'000, 'x');  // nobody reads: the socket's buffer fills soon
  bool refused = false;
  for (int step = 1; step < 100 && !refused; ++step) {
    refused = !channel->checkpoint(step, path, {}).has_value();
  }
  EXPECT_TRUE(refused);
  EXPECT_TRUE(channel->broken());
}

TEST(Channel, ManyThreadsMaySendAtOnce) {
  Peer peer;
  auto channel = peer.open({.heartbeat_interval = milliseconds(60'000), .queue_lines_max = 8});
  std::vector<std::thread> senders;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&] {
      for (int step = 1; step <= 100; ++step) {
        EXPECT_TRUE(channel->metric(step, {{"a", 1.0}}));
      }
    });
  }
  EXPECT_EQ(peer.read_line()["type"], "hello");
  for (int line = 0; line < 400; ++line) {
    EXPECT_EQ(peer.read_line()["type"], "metric");
  }
  for (std::thread& sender : senders) {
    sender.join();
  }
}

TEST(Channel, NamesAPathWhereNobodyListens) {
  const auto channel = Channel::open({.program = "test", .socket_path = "/nonexistent/socket"});
  ASSERT_FALSE(channel);
  EXPECT_NE(channel.error().message.find("/nonexistent/socket"), std::string::npos);
  EXPECT_FALSE(Channel::open({.program = "test", .socket_path = std::string(200, 'x')}));
}

TEST(Channel, PrintsOnStdoutWithoutASocket) {
  testing::internal::CaptureStdout();
  {
    auto channel = Channel::open({.program = "test"});
    ASSERT_TRUE(channel);
    channel.value()->progress({.done = 1});
    EXPECT_TRUE(channel.value()->result({{"a", 1}}));
  }
  const std::string printed = testing::internal::GetCapturedStdout();
  EXPECT_NE(printed.find("\"type\":\"hello\""), std::string::npos);
  EXPECT_NE(printed.find("{\"done\":1,\"type\":\"progress\"}\n"), std::string::npos);
  EXPECT_NE(printed.find("{\"outputs\":{\"a\":1},\"type\":\"result\"}\n"), std::string::npos);
}

}  // namespace
}  // namespace luthier::worker_protocol
