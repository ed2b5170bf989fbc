#include "controller/http/session.h"

#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <cctype>

#include "base/digest/digest.h"

namespace luthier::http {
namespace net = boost::asio;
namespace beast = boost::beast;
namespace protocol = boost::beast::http;
using tcp = net::ip::tcp;

namespace {

constexpr std::size_t kChunkBytes = 256 * 1024;
constexpr std::uint64_t kDrainBytesMax = 4 * 1024 * 1024;
constexpr milliseconds kDrainTimeout{2'000};
constexpr std::size_t kRequestIdBytesMax = 64;

std::string lower_case(std::string_view text) {
  std::string lowered(text);
  std::transform(lowered.begin(), lowered.end(), lowered.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lowered;
}

std::string request_id_of(const std::string& offered) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; };
  if (!offered.empty() && offered.size() <= kRequestIdBytesMax && std::all_of(offered.begin(), offered.end(), plain)) {
    return offered;
  }
  return secure_random_hex(8);
}

// "Bearer KEY" -> KEY; "" when it is not of that form.
std::string bearer_key(const std::string& authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (lower_case(std::string_view(authorization).substr(0, kScheme.size())) != kScheme) {
    return {};
  }
  return authorization.substr(kScheme.size());
}

// Replies once; when every copy of the reply is dropped unused, the client still gets an answer.
class PendingReply {
 public:
  explicit PendingReply(Reply send) : send_(std::move(send)) {}
  PendingReply(const PendingReply&) = delete;
  PendingReply& operator=(const PendingReply&) = delete;
  ~PendingReply() {
    if (!used_) {
      send_(error_response(
          Error{ErrorCode::kUnavailable, "the controller gave up this request, most likely because it is stopping"}));
    }
  }
  void use(Response response) {
    if (!used_) {
      used_ = true;
      send_(std::move(response));
    }
  }

 private:
  Reply send_;
  std::atomic<bool> used_ = false;
};

}  // namespace

Session::Session(tcp::socket socket, std::shared_ptr<Transport::Impl> shared)
    : shared_(std::move(shared)),
      stream_(std::move(socket)),
      buffer_(shared_->options.header_bytes_max + kChunkBytes),
      keep_alive_timer_(stream_.get_executor()),
      retry_timer_(stream_.get_executor()),
      started_(std::chrono::steady_clock::now()) {}

template <class Function>
void Session::on_strand(Function function) {
  net::post(stream_.get_executor(),
            [self = shared_from_this(), function = std::move(function)]() mutable { function(*self); });
}

template <class Function>
void Session::on_pool(Function function) {
  const auto self = shared_from_this();
  shared_->run_on_pool(
      request_.id, [self, function = std::move(function)] { function(*self); },
      [self] { self->on_strand([](Session& back) { back.fail_internally(); }); });
}

void Session::start() {
  on_strand([](Session& self) { self.read_header(); });
}

void Session::refuse_as_busy() {
  on_strand([](Session& self) {
    self.phase_ = Phase::kHandle;
    self.respond(error_response(Error{ErrorCode::kUnavailable, "too many connections; try again later"}));
  });
}

void Session::begin_stop() {
  on_strand([](Session& self) {
    self.stopping_ = true;
    const bool idle = self.phase_ == Phase::kHeader;
    // A cut stream tells the client that it is not whole; a closing chunk would say that it is.
    const bool endless = self.phase_ == Phase::kStream && self.chunked_;
    if (idle || endless) {
      self.close();
    }
  });
}

void Session::close_now() {
  on_strand([](Session& self) { self.close(); });
}

// --- 1: header ---

void Session::read_header() {
  if (stopping_) {
    return close();
  }
  phase_ = Phase::kHeader;
  ++request_number_;
  request_ = Request();
  route_ = nullptr;
  body_bytes_ = 0;
  body_read_ = false;
  keep_connection_ = false;
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(shared_->options.header_bytes_max));
  parser_->body_limit(boost::none);  // bounded below, by what the route takes
  stream_.expires_after(shared_->options.idle_timeout);
  protocol::async_read_header(
      stream_, buffer_, *parser_,
      [self = shared_from_this()](ErrorCodeOf failure, std::size_t) { self->on_header(failure); });
}

void Session::on_header(ErrorCodeOf failure) {
  if (phase_ == Phase::kClosed) {
    return;
  }
  started_ = std::chrono::steady_clock::now();
  if (failure) {
    return fail_read(failure);
  }
  const Result<void> taken = take_header();
  body_read_ = parser_->is_done();
  if (!taken) {
    return respond(error_response(taken.error()));
  }
  Router::Match match = shared_->router.match(request_.method, request_.path);
  if (match.route == nullptr) {
    return respond(std::move(match.refusal));
  }
  route_ = match.route;
  request_.parameters = std::move(match.parameters);
  if (route_->scope) {
    authenticate();
  } else {
    begin_body();
  }
}

Result<void> Session::take_header() {
  const auto& message = parser_->get();
  request_.method = std::string(message.method_string());
  for (const auto& field : message) {
    request_.headers[lower_case(field.name_string())] = std::string(field.value());
  }
  request_.id = request_id_of(request_.header("x-request-id"));
  request_.cancellation = std::make_shared<Cancellation>();
  const std::string_view target(message.target().data(), message.target().size());
  const std::size_t question = target.find('?');
  request_.path = std::string(target.substr(0, question));
  if (request_.path.empty() || request_.path.front() != '/') {
    return Error{ErrorCode::kInvalidArgument, "the request's target must be a path"};
  }
  if (question != std::string_view::npos) {
    LUTHIER_TRY(request_.query, parse_query(target.substr(question + 1)));
  }
  if (parser_->content_length()) {
    request_.content_length = *parser_->content_length();
  }
  return {};
}

void Session::fail_read(ErrorCodeOf failure) {
  if (failure == protocol::error::end_of_stream || failure == beast::error::timeout ||
      failure.category() != protocol::make_error_code(protocol::error::bad_target).category()) {
    return close();
  }
  phase_ = Phase::kHandle;
  if (failure == protocol::error::header_limit || failure == protocol::error::buffer_overflow) {
    return respond(error_response(
        431, "too_large",
        "the request's header is larger than " + std::to_string(shared_->options.header_bytes_max) + " bytes"));
  }
  respond(error_response(Error{ErrorCode::kInvalidArgument, "this is not valid HTTP: " + failure.message()}));
}

void Session::fail_internally() {
  if (phase_ == Phase::kWrite || phase_ == Phase::kStream) {
    return close();  // a cut answer tells the client that it is not whole
  }
  respond(error_response(
      Error{ErrorCode::kInternal, "the controller failed at this request; its log says more under the request's id"}));
}

// --- 2: authenticate ---

void Session::authenticate() {
  phase_ = Phase::kAuthenticate;
  const std::string key = bearer_key(request_.header("authorization"));
  request_.headers.erase("authorization");  // so that nothing behind this line can log it
  if (key.empty()) {
    return on_authenticated(
        Error{ErrorCode::kUnauthenticated, "this needs a key: send the header 'Authorization: Bearer KEY'"});
  }
  on_pool([key](Session& self) {
    Result<store::Principal> principal = self.shared_->authenticate(key);
    self.on_strand([principal = std::move(principal)](Session& back) { back.on_authenticated(principal); });
  });
}

void Session::on_authenticated(Result<store::Principal> principal) {
  if (phase_ == Phase::kClosed) {
    return;
  }
  if (!principal) {
    Response refusal = error_response(principal.error());
    if (refusal.status == 401) {
      refusal.headers.emplace_back("www-authenticate", "Bearer");
    }
    return respond(std::move(refusal));
  }
  request_.principal = std::move(*principal);
  if (!allows(request_.principal.scope, *route_->scope)) {
    return respond(
        error_response(Error{ErrorCode::kPermissionDenied,
                             "key '" + request_.principal.name + "' may not do this: its scope is too small"}));
  }
  begin_body();
}

// --- 3: body ---

void Session::begin_body() {
  phase_ = Phase::kBody;
  const bool upload = static_cast<bool>(route_->open_sink);
  const std::uint64_t bytes_max = upload ? shared_->options.blob_bytes_max : shared_->options.body_bytes_max;
  if (upload && !parser_->content_length()) {
    return respond(error_response(Error{ErrorCode::kInvalidArgument, "an upload needs the header Content-Length"}));
  }
  if (request_.content_length > bytes_max) {
    return respond(error_response(
        413, "too_large", "the body is larger than the " + std::to_string(bytes_max) + " bytes that this path takes"));
  }
  if (upload) {
    return open_sink();
  }
  read_body();
}

void Session::open_sink() {
  on_pool([](Session& self) {
    Result<std::unique_ptr<BodySink>> opened = self.route_->open_sink(self.request_);
    auto sink = std::make_shared<Result<std::unique_ptr<BodySink>>>(std::move(opened));
    self.on_strand([sink](Session& back) {
      if (back.phase_ == Phase::kClosed) {
        return;
      }
      if (!*sink) {
        return back.respond(error_response(sink->error()));
      }
      back.sink_ = std::move(**sink);
      back.read_body();
    });
  });
}

void Session::read_body() {
  if (parser_->is_done()) {
    return finish_body();
  }
  stream_.expires_after(shared_->options.transfer_timeout);
  if (body_bytes_ == 0 && lower_case(request_.header("expect")) == "100-continue") {
    request_.headers.erase("expect");
    auto go_on = std::make_shared<protocol::response<protocol::empty_body>>(protocol::status::continue_, 11);
    protocol::async_write(stream_, *go_on, [self = shared_from_this(), go_on](ErrorCodeOf failure, std::size_t) {
      if (failure) {
        return self->close();
      }
      self->read_body();
    });
    return;
  }
  chunk_.resize(kChunkBytes);
  parser_->get().body().data = chunk_.data();
  parser_->get().body().size = chunk_.size();
  protocol::async_read(stream_, buffer_, *parser_, [self = shared_from_this()](ErrorCodeOf failure, std::size_t) {
    if (self->phase_ == Phase::kClosed) {
      return;
    }
    self->on_body(failure, kChunkBytes - self->parser_->get().body().size);
  });
}

void Session::on_body(ErrorCodeOf failure, std::size_t bytes) {
  if (failure && failure != protocol::error::need_buffer) {
    sink_.reset();
    return fail_read(failure);
  }
  body_bytes_ += bytes;
  body_read_ = parser_->is_done();
  if (sink_) {
    return write_to_sink(bytes);
  }
  if (body_bytes_ > shared_->options.body_bytes_max) {
    return respond(error_response(413, "too_large",
                                  "the body is larger than the " + std::to_string(shared_->options.body_bytes_max) +
                                      " bytes that this path takes"));
  }
  request_.body.append(chunk_.data(), bytes);
  read_body();
}

void Session::write_to_sink(std::size_t bytes) {
  on_pool([bytes](Session& self) {
    Result<void> written = self.sink_->write(std::string_view(self.chunk_.data(), bytes));
    self.on_strand([written = std::move(written)](Session& back) {
      if (back.phase_ == Phase::kClosed) {
        back.sink_.reset();
        return;
      }
      if (!written) {
        back.sink_.reset();
        return back.respond(error_response(written.error()));
      }
      back.read_body();
    });
  });
}

void Session::finish_body() {
  body_read_ = true;
  chunk_ = {};
  phase_ = Phase::kHandle;
  if (!sink_) {
    return handle();
  }
  on_pool([](Session& self) {
    Response response = self.sink_->finish();
    self.sink_.reset();
    self.on_strand([response = std::move(response)](Session& back) mutable { back.respond(std::move(response)); });
  });
}

// --- 4: handle ---

void Session::handle() {
  if (route_->slow) {
    watch_peer();
  }
  on_pool([reply = make_reply()](Session& self) { self.route_->handle(self.request_, reply); });
}

Reply Session::make_reply() {
  Reply send = [weak = weak_from_this(), number = request_number_](Response response) {
    const std::shared_ptr<Session> session = weak.lock();
    if (!session) {
      return;
    }
    // Weak again: a handler posted after the io thread has ended must not keep the session alive.
    net::post(session->stream_.get_executor(), [weak, number, response = std::move(response)]() mutable {
      const std::shared_ptr<Session> self = weak.lock();
      if (self && self->phase_ == Phase::kHandle && self->request_number_ == number) {
        self->respond(std::move(response));
      }
    });
  };
  auto pending = std::make_shared<PendingReply>(std::move(send));
  return [pending](Response response) { pending->use(std::move(response)); };
}

// Learns that the client has gone away while nothing is being read or written.
void Session::watch_peer() {
  stream_.socket().async_wait(tcp::socket::wait_read,
                              [self = shared_from_this(), number = request_number_](ErrorCodeOf failure) {
                                if (!failure) {
                                  self->on_peer_readable(number);
                                }
                              });
}

void Session::on_peer_readable(std::uint64_t watched_request) {
  if (watched_request != request_number_ || (phase_ != Phase::kHandle && phase_ != Phase::kStream)) {
    return;
  }
  char byte = 0;
  const ssize_t count = ::recv(stream_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
    return close();
  }
  if (count < 0) {
    watch_peer();
  }
  // With a byte there, the next request waits in the socket; it is read when this one is over.
}

// --- the end ---

void Session::log_response(int status) {
  const auto duration = std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started_).count();
  const Log::Fields fields = {{"id", request_.id},
                              {"method", request_.method},
                              {"path", request_.path},
                              {"status", std::to_string(status)},
                              {"ms", std::to_string(duration)}};
  if (status >= 500) {
    shared_->log.warning("http_request", fields);
  } else {
    shared_->log.debug("http_request", fields);
  }
}

// Closing with unread bytes would reset the connection, and the client might lose the answer: so stop sending, read
// what still comes for a while, then close.
void Session::close_gracefully() {
  ErrorCodeOf ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
  drained_bytes_ = 0;
  chunk_.resize(kChunkBytes);
  stream_.expires_after(kDrainTimeout);
  drain();
}

void Session::drain() {
  stream_.async_read_some(net::buffer(chunk_), [self = shared_from_this()](ErrorCodeOf failure, std::size_t bytes) {
    self->drained_bytes_ += bytes;
    if (failure || self->phase_ == Phase::kClosed || self->drained_bytes_ > kDrainBytesMax) {
      return self->close();
    }
    self->drain();
  });
}

void Session::close() {
  if (phase_ == Phase::kClosed) {
    return;
  }
  phase_ = Phase::kClosed;
  if (request_.cancellation) {
    request_.cancellation->cancel();
  }
  source_.reset();  // a pull in progress has its own hold
  keep_alive_timer_.cancel();
  retry_timer_.cancel();
  ErrorCodeOf ignored;
  stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  stream_.close();
  shared_->remove(shared_from_this());
}

}  // namespace luthier::http
