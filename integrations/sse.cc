#include "integrations/sse.h"

namespace luthier::integrations {

bool SseParser::feed(std::string_view bytes, const std::function<void(const SseEvent&)>& on_event) {
  for (const char byte : bytes) {
    const bool second_half = after_return_ && byte == '\n';
    after_return_ = byte == '\r';
    if (second_half) {
      continue;
    }
    if (byte == '\r' || byte == '\n') {
      take_line(line_, on_event);
      line_.clear();
    } else {
      line_ += byte;
    }
    if (line_.size() + event_.data.size() > kEventBytesMax) {
      return false;
    }
  }
  return true;
}

void SseParser::take_line(std::string_view line, const std::function<void(const SseEvent&)>& on_event) {
  if (line.empty()) {
    if (has_data_) {
      event_.data.pop_back();  // the newline after the last line
      if (event_.name.empty()) {
        event_.name = "message";
      }
      on_event(event_);
    }
    event_.name.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  if (!value.empty() && value.front() == ' ') {
    value.remove_prefix(1);
  }
  if (field == "data") {
    event_.data.append(value).append("\n");
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    event_.id = value;
  }
}

}  // namespace luthier::integrations
