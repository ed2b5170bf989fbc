// TokenStream: the text of a generation as Server-Sent Events, handed from the thread that receives it to the session
// that sends it. Bounded: a client that reads too slowly loses the stream, and the generation is cancelled.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "controller/http/message.h"

namespace luthier::http::api {

class TokenStream final : public BodySource {
 public:
  static constexpr std::size_t kWaitingBytesMax = 4 * 1024 * 1024;

  // False when the bound was met; the stream is broken from then on. Thread-safe, as are all calls.
  bool add(const Json& data);
  void finish(const Json& data);  // and then [DONE]
  void fail(const Json& data);    // the error as the last event, without [DONE]

  void start(std::function<void()> wake) override;
  [[nodiscard]] Piece pull() override;
  [[nodiscard]] std::string keep_alive() const override { return ": still here\n\n"; }

 private:
  void append(const std::string& lines, bool end);

  std::mutex mutex_;
  std::string waiting_;
  bool ended_ = false;
  bool broken_ = false;
  std::function<void()> wake_;
};

}  // namespace luthier::http::api
