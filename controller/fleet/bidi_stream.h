// BidiStream: the server's side of one bidirectional stream: a bounded outbox with one write in flight, one message
// read at a time, and an end that happens exactly once.
//
// Held by shared_ptr: gRPC's own hold ends with OnDone, tables may hold it longer. send() and close() are thread-safe
// and never call back into the derived class. The derived class's on_message() runs on gRPC's threads, never twice at
// a time, and the next message is read only after it returned.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace luthier::fleet {

template <class Request, class Response>
class BidiStream : public grpc::ServerBidiReactor<Request, Response>,
                   public std::enable_shared_from_this<BidiStream<Request, Response>> {
 public:
  BidiStream(grpc::CallbackServerContext& context, std::size_t outbox_max)
      : context_(context), outbox_max_(outbox_max) {}

  // Called once, after make_shared: from here on the stream lives until gRPC is done with it.
  void begin() {
    self_ = this->shared_from_this();
    this->StartRead(&request_);
  }

  // False when the stream is over, or ends now because its outbox is full: the peer reconnects and is told anew.
  bool send(Response response) {
    const std::lock_guard lock(mutex_);
    if (closing_) {
      return false;
    }
    if (outbox_.size() >= outbox_max_) {
      close_locked({grpc::StatusCode::RESOURCE_EXHAUSTED, "the outbox of this stream is full; connect again"});
      return false;
    }
    outbox_.push_back(std::move(response));
    if (outbox_.size() == 1) {
      this->StartWrite(&outbox_.front());
    }
    return true;
  }

  // At once: the peer sees `status`, or "cancelled" when a write was in flight. Nothing happens when it is over.
  void close(grpc::Status status) {
    const std::lock_guard lock(mutex_);
    close_locked(std::move(status));
  }

 protected:
  virtual void on_message(const Request& message) = 0;
  // Once, when the stream is over; no message comes after it.
  virtual void on_end() = 0;

 private:
  void OnReadDone(bool ok) final {
    if (!ok) {
      finish_after_write();  // the peer said all it had to say, or is gone
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      if (closing_) {
        return;
      }
    }
    on_message(request_);
    this->StartRead(&request_);
  }

  void OnWriteDone(bool ok) final {
    const std::lock_guard lock(mutex_);
    outbox_.pop_front();
    if (closing_) {
      outbox_.clear();
      finish_locked();
    } else if (!ok) {
      outbox_.clear();
      close_locked({grpc::StatusCode::UNAVAILABLE, "the stream is broken"});
    } else if (!outbox_.empty()) {
      this->StartWrite(&outbox_.front());
    }
  }

  void OnCancel() final { close({grpc::StatusCode::CANCELLED, "the stream was cancelled"}); }

  void OnDone() final {
    const auto self = std::move(self_);  // the last line of a stream nobody else holds
    on_end();
  }

  void finish_after_write() {
    const std::lock_guard lock(mutex_);
    if (!closing_) {
      closing_ = true;
      if (outbox_.empty()) {
        finish_locked();
      }
    }
  }

  void close_locked(grpc::Status status) {
    if (finished_) {
      return;
    }
    if (!closing_) {
      closing_ = true;
      status_ = std::move(status);
    }
    if (outbox_.empty()) {
      finish_locked();
    } else {
      context_.TryCancel();  // a write is in flight and may never end by itself; OnWriteDone finishes
    }
  }

  void finish_locked() {
    finished_ = true;
    this->Finish(status_);
  }

  grpc::CallbackServerContext& context_;  // valid until OnDone, so until Finish has been called
  const std::size_t outbox_max_;
  Request request_;
  std::shared_ptr<BidiStream> self_;

  std::mutex mutex_;             // guards all below
  std::deque<Response> outbox_;  // the front is being written
  bool closing_ = false;         // no more writes are started
  bool finished_ = false;        // Finish() was called: nothing of gRPC's may be touched from here on
  grpc::Status status_;
};

}  // namespace luthier::fleet
