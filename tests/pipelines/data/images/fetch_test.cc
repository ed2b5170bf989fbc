#include "pipelines/data/images/fetch.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "base/unique_fd.h"

namespace luthier::data::images {
namespace {

using testing::HasSubstr;

bool is_private(const char* text) {
  sockaddr_storage address{};
  if (std::strchr(text, ':') != nullptr) {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(address);
    v6.sin6_family = AF_INET6;
    EXPECT_EQ(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
  } else {
    auto& v4 = reinterpret_cast<sockaddr_in&>(address);
    v4.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, text, &v4.sin_addr), 1);
  }
  return is_private_address(reinterpret_cast<sockaddr&>(address));
}

TEST(IsPrivateAddress, KnowsTheRanges) {
  for (const char* text : {"127.0.0.1",   "10.1.2.3",        "172.16.0.1",     "172.31.255.255",
                           "192.168.1.1", "169.254.169.254", "100.64.0.1",     "0.0.0.0",
                           "224.0.0.1",   "255.255.255.255", "198.18.0.1",     "::1",
                           "::",          "fe80::1",         "fc00::1",        "fd12::1",
                           "ff02::1",     "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
                           "2001:db8::1", "::7f00:1"}) {
    EXPECT_TRUE(is_private(text)) << text;
  }
  for (const char* text : {"1.1.1.1", "172.32.0.1", "172.15.0.1", "100.128.0.1", "192.0.1.1", "2606:4700::1111",
                           "::ffff:1.1.1.1", "64:ff9b::101:101"}) {
    EXPECT_FALSE(is_private(text)) << text;
  }
}

// Answers each connection with the next of `answers`, then closes it.
class Server {
 public:
  explicit Server(std::vector<std::string> answers) : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        const UniqueFd connection(::accept(listener_.get(), nullptr, nullptr));
        if (!connection.valid()) {
          return;
        }
        std::string request(4'096, '\0');
        (void)::recv(connection.get(), request.data(), request.size(), 0);
        (void)::send(connection.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        ++served_;
      }
    });
  }
  ~Server() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/a.png"; }
  [[nodiscard]] int served() const { return served_; }

 private:
  UniqueFd listener_;
  int port_ = 0;
  std::atomic<int> served_ = 0;
  std::thread thread_;
};

std::string answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(Fetcher, FetchesWithinItsBounds) {
  Server server({answer("picture"), answer(std::string(2'000, 'x')),
                 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + std::string(2'000, 'x'),
                 "HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"});
  Fetcher fetcher({.allow_private = true, .bytes_max = 1'000, .timeout = std::chrono::seconds(5)});
  EXPECT_EQ(*fetcher.fetch(server.url()), "picture");
  EXPECT_EQ(fetcher.fetch(server.url()).error().code, ErrorCode::kResourceExhausted) << "said to be too large";
  EXPECT_EQ(fetcher.fetch(server.url()).error().code, ErrorCode::kResourceExhausted) << "found to be too large";
  EXPECT_THAT(fetcher.fetch(server.url()).error().message, HasSubstr("answers 404"));
}

TEST(Fetcher, RefusesPrivateAddressesUnlessAllowed) {
  Server server({answer("secret")});
  Fetcher fetcher(FetchOptions{});
  EXPECT_EQ(fetcher.fetch(server.url()).error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(fetcher.fetch("http://localhost:1/").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(fetcher.fetch("http://[::1]:1/").error().code, ErrorCode::kPermissionDenied);
  EXPECT_EQ(fetcher.fetch("file:///etc/passwd").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(server.served(), 0);
}

TEST(Fetcher, FollowsNoRedirectOutOfHttp) {
  Server server(
      {"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"});
  Fetcher fetcher({.allow_private = true});
  EXPECT_EQ(fetcher.fetch(server.url()).error().code, ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace luthier::data::images
