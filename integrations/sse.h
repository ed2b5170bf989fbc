// SseParser: Server-Sent Events out of a stream of bytes, as the WHATWG HTML standard defines them. Pure; bounded.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace luthier::integrations {

struct SseEvent {
  std::string id;    // the last one seen, as in the standard
  std::string name;  // "message" when the stream gives none
  std::string data;  // lines joined by '\n'

  friend bool operator==(const SseEvent&, const SseEvent&) = default;
};

class SseParser {
 public:
  static constexpr std::size_t kEventBytesMax = 16 * 1024 * 1024;

  // Takes bytes cut anywhere and calls `on_event` for every event that they complete. False once an event is larger
  // than the bound; the stream is of no use then.
  bool feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event);

 private:
  void take_line(std::string_view line, const std::function<void(const SseEvent&)>& on_event);

  std::string line_;
  bool after_return_ = false;  // a '\n' that follows a '\r' belongs to it
  bool has_data_ = false;
  SseEvent event_;
};

}  // namespace luthier::integrations
