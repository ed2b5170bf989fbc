// Session: one connection. Private to the transport (transport.h has its state diagram).
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "controller/http/transport.h"

namespace luthier::http {

class Session;

// What all connections share. Sessions hold it by shared_ptr, so that an answer that comes late finds it alive.
struct Transport::Impl : std::enable_shared_from_this<Transport::Impl> {
  Impl(const Router& router_, Authenticate authenticate_, Options options_, Log& log_)
      : router(router_),
        authenticate(std::move(authenticate_)),
        options(std::move(options_)),
        log(log_),
        pool(static_cast<std::size_t>(options.handler_threads)) {}

  void accept();
  void on_accept(boost::beast::error_code failure, boost::asio::ip::tcp::socket socket);
  void remove(const std::shared_ptr<Session>& session);
  [[nodiscard]] std::vector<std::shared_ptr<Session>> all_sessions();
  // Runs `job` on a handler thread. An exception there is a defect of one handler: it is logged under `request_id`,
  // `failed` runs on the same thread, and the controller lives on.
  void run_on_pool(std::string request_id, std::function<void()> job, std::function<void()> failed);

  const Router& router;
  const Authenticate authenticate;
  const Options options;
  Log& log;
  Observer observer;

  boost::asio::io_context io{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  boost::asio::thread_pool pool;
  std::thread io_thread;  // joined by Transport::stop(), never from a thread of the transport's own
  std::uint16_t port = 0;
  boost::asio::ip::tcp::acceptor acceptor{io};
  boost::asio::steady_timer accept_retry{io};
  // Of after(), on the io thread; stop() cancels them, for what they hold would hold this.
  std::set<std::shared_ptr<boost::asio::steady_timer>> timers;

  std::mutex mutex;  // guards what follows
  std::condition_variable sessions_changed;
  std::set<std::shared_ptr<Session>> sessions;
  bool stopping = false;
};

class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(boost::asio::ip::tcp::socket socket, std::shared_ptr<Transport::Impl> shared);

  void start();
  void refuse_as_busy();  // instead of start()
  void begin_stop();      // any thread: end after the request in progress; end streams now
  void close_now();       // any thread

 private:
  using ErrorCodeOf = boost::beast::error_code;
  enum class Phase { kHeader, kAuthenticate, kBody, kHandle, kWrite, kStream, kClosed };

  // 1: header
  void read_header();
  void on_header(ErrorCodeOf failure);
  Result<void> take_header();
  // 2: authenticate
  void authenticate();
  void on_authenticated(Result<store::Principal> principal);
  void open_sink();
  // 3: body
  void begin_body();
  void read_body();
  void on_body(ErrorCodeOf failure, std::size_t bytes);
  void write_to_sink(std::size_t bytes);
  void finish_body();
  // 4: handle
  void handle();
  Reply make_reply();
  // 5: write
  void respond(Response response);
  [[nodiscard]] bool is_change() const;
  [[nodiscard]] Exchange exchange(const std::string& subject) const;
  void record_then_send(Response response);
  void send(Response response);
  void write_whole(Response response);
  void begin_stream(Response response);
  void pull();
  void on_piece(BodySource::Piece piece);
  void write_piece(std::string bytes, bool last);
  void wait_for_wake(milliseconds retry_after);
  void on_wake();
  void on_keep_alive(ErrorCodeOf failure);
  void on_retry(ErrorCodeOf failure);
  void end_stream();
  void finish_response();
  void log_response(int status);

  void watch_peer();
  void on_peer_readable(std::uint64_t watched_request);
  void fail_read(ErrorCodeOf failure);
  void fail_internally();   // a handler threw
  void close_gracefully();  // after a response: lets the client read it before the connection goes
  void drain();
  void close();
  template <class Function>
  void on_strand(Function function);
  template <class Function>
  void on_pool(Function function);

  const std::shared_ptr<Transport::Impl> shared_;
  boost::beast::tcp_stream stream_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer keep_alive_timer_;
  boost::asio::steady_timer retry_timer_;

  Phase phase_ = Phase::kHeader;
  bool stopping_ = false;
  bool keep_connection_ = false;
  bool body_read_ = false;
  std::uint64_t request_number_ = 0;  // so that late answers and wake-ups of an earlier request are dropped
  std::uint64_t drained_bytes_ = 0;
  std::chrono::steady_clock::time_point started_;

  std::optional<boost::beast::http::request_parser<boost::beast::http::buffer_body>> parser_;
  std::vector<char> chunk_;
  std::uint64_t body_bytes_ = 0;
  Request request_;
  const Route* route_ = nullptr;
  std::unique_ptr<BodySink> sink_;

  int status_ = 0;
  std::shared_ptr<BodySource> source_;
  bool chunked_ = false;
  bool pulling_ = false;  // a pull or a write of its piece is in progress
  bool woken_ = false;
  std::string piece_;  // being written
};

}  // namespace luthier::http
