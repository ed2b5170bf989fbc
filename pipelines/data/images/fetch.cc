#include "pipelines/data/images/fetch.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "base/check.h"

namespace luthier::data::images {
namespace {

struct Range {
  std::uint32_t network;
  int bits;
};
constexpr std::array<Range, 15> kPrivate{{{0x00000000, 8},  // this network
                                          {0x0a000000, 8},
                                          {0x64400000, 10},  // shared by carriers
                                          {0x7f000000, 8},
                                          {0xa9fe0000, 16},  // link-local, metadata of clouds
                                          {0xac100000, 12},
                                          {0xc0000000, 24},
                                          {0xc0000200, 24},  // documentation
                                          {0xc0586300, 24},
                                          {0xc0a80000, 16},
                                          {0xc6120000, 15},  // benchmarks
                                          {0xc6336400, 24},
                                          {0xcb007100, 24},
                                          {0xe0000000, 4},  // multicast
                                          {0xf0000000, 4}}};

bool is_private_v4(std::uint32_t address) {
  for (const Range& range : kPrivate) {
    if ((address ^ range.network) >> (32 - range.bits) == 0) {
      return true;
    }
  }
  return false;
}

std::uint32_t word_at(const unsigned char* bytes) {
  return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
         static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

bool is_private_v6(const unsigned char* bytes) {
  static constexpr std::array<unsigned char, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  static constexpr std::array<unsigned char, 12> kTranslated{0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0};
  if (std::memcmp(bytes, kMapped.data(), kMapped.size()) == 0 ||
      std::memcmp(bytes, kTranslated.data(), kTranslated.size()) == 0) {
    return is_private_v4(word_at(bytes + 12));
  }
  if (bytes[0] == 0x20 && bytes[1] == 0x02) {  // 6to4
    return is_private_v4(word_at(bytes + 2));
  }
  return (bytes[0] & 0xe0) != 0x20 ||  // only 2000::/3 is the public internet
         (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0x0d && bytes[3] == 0xb8) ||  // documentation
         (bytes[0] == 0x20 && bytes[1] == 0x01 && bytes[2] == 0 && bytes[3] == 0);          // Teredo
}

}  // namespace

bool is_private_address(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return is_private_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof(v6));
    return is_private_v6(v6.sin6_addr.s6_addr);
  }
  return true;
}

struct Fetcher::State {
  FetchOptions options;
  CURL* curl = nullptr;
  std::string body;
  bool refused = false;
  bool too_large = false;

  static curl_socket_t open_socket(void* data, curlsocktype, curl_sockaddr* address) {
    auto* self = static_cast<State*>(data);
    if (!self->options.allow_private && is_private_address(address->addr)) {
      self->refused = true;
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  static std::size_t on_body(const char* bytes, std::size_t, std::size_t count, void* data) {
    auto* self = static_cast<State*>(data);
    if (self->body.size() + count > self->options.bytes_max) {
      self->too_large = true;
      return 0;
    }
    self->body.append(bytes, count);
    return count;
  }
};

Fetcher::Fetcher(FetchOptions options) : state_(std::make_unique<State>()) {
  state_->options = options;
  state_->curl = ::curl_easy_init();
  LUTHIER_CHECK(state_->curl != nullptr);
}

Fetcher::~Fetcher() { ::curl_easy_cleanup(state_->curl); }

Result<std::string> Fetcher::fetch(const std::string& url) {
  CURL* curl = state_->curl;
  state_->body.clear();
  state_->refused = state_->too_large = false;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "luthier");
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(state_->options.timeout.count()));
  curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(state_->options.bytes_max));
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, State::open_socket);
  curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, state_.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, State::on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, state_.get());
  const CURLcode outcome = ::curl_easy_perform(curl);
  if (state_->refused) {
    return Error{ErrorCode::kPermissionDenied, "leads to an address of a private network"};
  }
  if (state_->too_large || outcome == CURLE_FILESIZE_EXCEEDED) {
    return Error{ErrorCode::kResourceExhausted,
                 "more than " + std::to_string(state_->options.bytes_max / 1'000'000) + " MB"};
  }
  if (outcome != CURLE_OK) {
    return Error{ErrorCode::kUnavailable, ::curl_easy_strerror(outcome)};
  }
  long status = 0;
  ::curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) {
    return Error{ErrorCode::kUnavailable, "the server answers " + std::to_string(status)};
  }
  return std::move(state_->body);
}

}  // namespace luthier::data::images
