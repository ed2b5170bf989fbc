#include "controller/http/api/token_stream.h"

#include <utility>

namespace luthier::http::api {
namespace {

std::string data_line(const Json& data) {
  return "data: " + data.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n\n";
}

}  // namespace

bool TokenStream::add(const Json& data) {
  append(data_line(data), false);
  const std::lock_guard lock(mutex_);
  return !broken_;
}

void TokenStream::finish(const Json& data) { append(data_line(data) + "data: [DONE]\n\n", true); }

void TokenStream::fail(const Json& data) { append(data_line(data), true); }

void TokenStream::append(const std::string& lines, bool end) {
  std::function<void()> wake;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() + lines.size() > kWaitingBytesMax) {
      broken_ = true;
    } else if (!broken_) {
      waiting_ += lines;
    }
    ended_ = ended_ || end;
    wake = wake_;
  }
  if (wake) {
    wake();
  }
}

void TokenStream::start(std::function<void()> wake) {
  const std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

BodySource::Piece TokenStream::pull() {
  const std::lock_guard lock(mutex_);
  Piece piece;
  piece.bytes = std::exchange(waiting_, {});
  piece.end = ended_;
  piece.broken = broken_;
  return piece;
}

}  // namespace luthier::http::api
