#include "controller/http/transport.h"

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include "controller/http/session.h"

namespace luthier::http {
namespace net = boost::asio;
using tcp = net::ip::tcp;
using Failure = boost::beast::error_code;

namespace {

constexpr milliseconds kAcceptRetry{200};

Error cannot_listen(const Options& options, const Failure& failure) {
  return Error{ErrorCode::kUnavailable, "cannot listen for HTTP on " + options.address + ":" +
                                            std::to_string(options.port) + ": " + failure.message() +
                                            "; choose another port with --http-port"};
}

}  // namespace

Transport::Transport(const Router& router, Authenticate authenticate, Options options, Log& log)
    : impl_(std::make_shared<Impl>(router, std::move(authenticate), std::move(options), log)) {}

Transport::~Transport() { stop(); }

void Transport::observe(Observer observer) { impl_->observer = std::move(observer); }

Result<void> Transport::start() {
  Failure failure;
  const net::ip::address address = net::ip::make_address(impl_->options.address, failure);
  if (failure) {
    return cannot_listen(impl_->options, failure);
  }
  const tcp::endpoint endpoint(address, impl_->options.port);
  tcp::acceptor& acceptor = impl_->acceptor;
  acceptor.open(endpoint.protocol(), failure);
  if (!failure) {
    acceptor.set_option(net::socket_base::reuse_address(true), failure);
  }
  if (!failure) {
    acceptor.bind(endpoint, failure);
  }
  if (!failure) {
    acceptor.listen(net::socket_base::max_listen_connections, failure);
  }
  if (failure) {
    return cannot_listen(impl_->options, failure);
  }
  impl_->port = acceptor.local_endpoint(failure).port();
  impl_->work.emplace(impl_->io.get_executor());
  impl_->accept();
  impl_->io_thread = std::thread([impl = impl_] { impl->io.run(); });
  return {};
}

std::uint16_t Transport::port() const { return impl_->port; }

void Transport::stop() {
  if (!impl_->io_thread.joinable()) {
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  net::post(impl_->io, [impl = impl_] {
    Failure ignored;
    impl->acceptor.close(ignored);
    impl->accept_retry.cancel();
    for (const auto& timer : impl->timers) {
      timer->cancel();
    }
  });
  for (const auto& session : impl_->all_sessions()) {
    session->begin_stop();
  }
  {
    std::unique_lock lock(impl_->mutex);
    impl_->sessions_changed.wait_for(lock, impl_->options.stop_grace, [this] { return impl_->sessions.empty(); });
  }
  for (const auto& session : impl_->all_sessions()) {
    session->close_now();
  }
  // The pool goes first: its last jobs still post to the io thread, which ends when nothing is left to do.
  impl_->pool.join();
  impl_->work.reset();
  impl_->io_thread.join();
}

void Transport::after(milliseconds delay, std::function<void()> work) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->stopping) {
      return;
    }
  }
  const std::weak_ptr<Impl> weak = impl_;
  net::post(impl_->io, [weak, delay, work = std::move(work)]() mutable {
    const std::shared_ptr<Impl> impl = weak.lock();
    if (!impl || !impl->acceptor.is_open()) {
      return;
    }
    auto timer = std::make_shared<net::steady_timer>(impl->io, delay);
    impl->timers.insert(timer);
    timer->async_wait([timer, weak, work = std::move(work)](Failure cancelled) mutable {
      const std::shared_ptr<Impl> still = weak.lock();
      if (still) {
        still->timers.erase(timer);
      }
      if (still && !cancelled) {
        still->run_on_pool({}, std::move(work), [] {});
      }
    });
  });
}

void Transport::Impl::run_on_pool(std::string request_id, std::function<void()> job, std::function<void()> failed) {
  net::post(pool,
            [impl = shared_from_this(), id = std::move(request_id), job = std::move(job), failed = std::move(failed)] {
              try {
                job();
              } catch (const std::exception& error) {
                impl->log.error("http_handler_failed", {{"why", error.what()}, {"id", id}});
                failed();
              }
            });
}

void Transport::Impl::accept() {
  acceptor.async_accept(net::make_strand(io), [impl = shared_from_this()](Failure failure, tcp::socket socket) {
    impl->on_accept(failure, std::move(socket));
  });
}

void Transport::Impl::on_accept(Failure failure, tcp::socket socket) {
  if (!acceptor.is_open()) {
    return;
  }
  if (failure) {
    log.warning("http_accept_failed", {{"why", failure.message()}});
    accept_retry.expires_after(kAcceptRetry);  // out of descriptors, most likely: do not spin
    accept_retry.async_wait([impl = shared_from_this()](Failure cancelled) {
      if (!cancelled && impl->acceptor.is_open()) {
        impl->accept();
      }
    });
    return;
  }
  auto session = std::make_shared<Session>(std::move(socket), shared_from_this());
  bool busy = false;
  {
    const std::lock_guard lock(mutex);
    busy = stopping || sessions.size() >= static_cast<std::size_t>(options.connections_max);
    if (!busy) {
      sessions.insert(session);
    }
  }
  if (busy) {
    session->refuse_as_busy();
  } else {
    session->start();
  }
  accept();
}

void Transport::Impl::remove(const std::shared_ptr<Session>& session) {
  const std::lock_guard lock(mutex);
  sessions.erase(session);
  sessions_changed.notify_all();
}

std::vector<std::shared_ptr<Session>> Transport::Impl::all_sessions() {
  const std::lock_guard lock(mutex);
  return {sessions.begin(), sessions.end()};
}

}  // namespace luthier::http
