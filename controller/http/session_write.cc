// The answering half of a session: whole responses and streams.
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/chunk_encode.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>

#include "controller/http/session.h"

namespace luthier::http {
namespace net = boost::asio;
namespace protocol = boost::beast::http;

namespace {

template <class Body>
void set_header(protocol::response<Body>& message, const Response& response, const Request& request) {
  message.set("content-type", response.content_type);
  message.set("cache-control", "no-store");
  message.set("x-content-type-options", "nosniff");
  if (!request.id.empty()) {
    message.set("x-request-id", request.id);
  }
  for (const auto& [name, value] : response.headers) {
    message.set(name, value);
  }
}

}  // namespace

void Session::respond(Response response) {
  if (phase_ == Phase::kClosed) {
    return;
  }
  phase_ = Phase::kWrite;
  status_ = response.status;
  sink_.reset();
  if (is_change() && shared_->observer.changing) {
    return record_then_send(std::move(response));
  }
  send(std::move(response));
}

bool Session::is_change() const {
  return route_ != nullptr && route_->changes && route_->method != "GET" && !request_.principal.name.empty();
}

Exchange Session::exchange(const std::string& subject) const {
  const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started_;
  return {.route = route_,
          .path = request_.path,
          .by = request_.principal.name,
          .subject = subject,
          .request_id = request_.id,
          .status = status_,
          .seconds = passed.count()};
}

void Session::record_then_send(Response response) {
  const auto self = shared_from_this();
  const auto held = std::make_shared<Response>(std::move(response));
  const auto answer = [self, held] {
    net::post(self->stream_.get_executor(), [self, held] {
      if (self->phase_ != Phase::kClosed) {
        self->send(std::move(*held));
      }
    });
  };
  // The change is made, so the client is told so even when no record of it could be kept.
  shared_->run_on_pool(
      request_.id,
      [self, held, answer] {
        self->shared_->observer.changing(self->exchange(held->subject));  // refers to *held
        answer();
      },
      answer);
}

void Session::send(Response response) {
  if (shared_->observer.answered) {
    shared_->observer.answered(exchange(response.subject));
  }
  keep_connection_ = body_read_ && parser_ && parser_->get().keep_alive() && !stopping_;
  stream_.expires_after(shared_->options.transfer_timeout);
  if (response.stream) {
    begin_stream(std::move(response));
  } else {
    write_whole(std::move(response));
  }
}

void Session::write_whole(Response response) {
  auto message = std::make_shared<protocol::response<protocol::string_body>>();
  message->version(11);
  message->result(static_cast<unsigned>(response.status));
  set_header(*message, response, request_);
  message->keep_alive(keep_connection_);
  message->body() = std::move(response.body);
  message->prepare_payload();
  protocol::async_write(stream_, *message, [self = shared_from_this(), message](ErrorCodeOf failure, std::size_t) {
    if (failure) {
      return self->close();
    }
    self->finish_response();
  });
}

void Session::begin_stream(Response response) {
  using Message = protocol::response<protocol::empty_body>;
  source_ = std::move(response.stream);
  auto message = std::make_shared<Message>();
  message->version(11);
  message->result(static_cast<unsigned>(response.status));
  set_header(*message, response, request_);
  const bool old_client = parser_->get().version() < 11;  // HTTP/1.0 knows no chunks: closing ends the body
  chunked_ = !response.stream_bytes && !old_client;
  keep_connection_ = keep_connection_ && (chunked_ || response.stream_bytes);
  message->keep_alive(keep_connection_);
  if (response.stream_bytes) {
    message->content_length(*response.stream_bytes);
  } else if (chunked_) {
    message->chunked(true);
  }
  auto serializer = std::make_shared<protocol::response_serializer<protocol::empty_body>>(*message);
  protocol::async_write_header(stream_, *serializer,
                               [self = shared_from_this(), message, serializer](ErrorCodeOf failure, std::size_t) {
                                 if (failure || self->phase_ == Phase::kClosed) {
                                   return self->close();
                                 }
                                 self->phase_ = Phase::kStream;
                                 self->woken_ = false;
                                 self->source_->start([weak = self->weak_from_this()] {
                                   const std::shared_ptr<Session> session = weak.lock();
                                   if (!session) {
                                     return;
                                   }
                                   net::post(session->stream_.get_executor(), [weak] {
                                     if (const std::shared_ptr<Session> woken = weak.lock()) {
                                       woken->on_wake();
                                     }
                                   });
                                 });
                                 if (!self->route_->slow) {
                                   self->watch_peer();
                                 }
                                 self->pull();
                               });
}

void Session::pull() {
  if (stopping_ && chunked_) {
    return close();
  }
  pulling_ = true;
  woken_ = false;
  keep_alive_timer_.cancel();
  retry_timer_.cancel();
  // The source may be dropped by close() meanwhile; the job keeps its own hold.
  const auto self = shared_from_this();
  shared_->run_on_pool(
      request_.id,
      [self, source = source_] {
        auto piece = std::make_shared<BodySource::Piece>(source->pull());
        net::post(self->stream_.get_executor(), [self, piece] { self->on_piece(std::move(*piece)); });
      },
      [self] { net::post(self->stream_.get_executor(), [self] { self->fail_internally(); }); });
}

void Session::on_piece(BodySource::Piece piece) {
  if (phase_ != Phase::kStream) {
    return;
  }
  if (piece.broken) {
    return close();
  }
  if (!piece.bytes.empty()) {
    return write_piece(std::move(piece.bytes), piece.end);
  }
  if (piece.end) {
    return end_stream();
  }
  pulling_ = false;
  if (woken_) {
    return pull();
  }
  wait_for_wake(piece.retry_after);
}

void Session::write_piece(std::string bytes, bool last) {
  pulling_ = true;
  piece_ = std::move(bytes);
  stream_.expires_after(shared_->options.transfer_timeout);
  auto on_written = [self = shared_from_this(), last](ErrorCodeOf failure, std::size_t) {
    if (failure || self->phase_ == Phase::kClosed) {
      return self->close();
    }
    self->stream_.expires_never();
    if (last) {
      return self->end_stream();
    }
    self->pull();
  };
  if (chunked_) {
    net::async_write(stream_, protocol::make_chunk(net::const_buffer(piece_.data(), piece_.size())),
                     std::move(on_written));
  } else {
    net::async_write(stream_, net::const_buffer(piece_.data(), piece_.size()), std::move(on_written));
  }
}

void Session::wait_for_wake(milliseconds retry_after) {
  if (stopping_ && chunked_) {
    return close();
  }
  keep_alive_timer_.expires_after(shared_->options.keep_alive_interval);
  keep_alive_timer_.async_wait([self = shared_from_this()](ErrorCodeOf failure) { self->on_keep_alive(failure); });
  if (retry_after.count() > 0) {
    retry_timer_.expires_after(retry_after);
    retry_timer_.async_wait([self = shared_from_this()](ErrorCodeOf failure) { self->on_retry(failure); });
  }
}

void Session::on_wake() {
  if (phase_ != Phase::kStream) {
    return;
  }
  if (pulling_) {
    woken_ = true;
    return;
  }
  pull();
}

void Session::on_keep_alive(ErrorCodeOf failure) {
  if (failure || phase_ != Phase::kStream || pulling_) {
    return;
  }
  std::string line = source_->keep_alive();
  if (line.empty()) {
    return pull();
  }
  retry_timer_.cancel();
  write_piece(std::move(line), false);
}

void Session::on_retry(ErrorCodeOf failure) {
  if (failure || phase_ != Phase::kStream || pulling_) {
    return;
  }
  pull();
}

void Session::end_stream() {
  source_.reset();
  if (!chunked_) {
    return finish_response();
  }
  stream_.expires_after(shared_->options.transfer_timeout);
  net::async_write(stream_, protocol::make_chunk_last(), [self = shared_from_this()](ErrorCodeOf failure, std::size_t) {
    if (failure) {
      return self->close();
    }
    self->finish_response();
  });
}

void Session::finish_response() {
  if (phase_ == Phase::kClosed) {
    return;
  }
  log_response(status_);
  request_.cancellation.reset();  // the answer is out: nothing is left to cancel
  if (keep_connection_ && !stopping_) {
    return read_header();
  }
  close_gracefully();
}

}  // namespace luthier::http
