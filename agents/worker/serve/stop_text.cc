#include "agents/worker/serve/stop_text.h"

#include <algorithm>
#include <utility>

namespace luthier::worker {

StopText::StopText(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopText::push(std::string_view text) {
  if (stopped_) {
    return {};
  }
  held_ += text;
  std::size_t first = std::string::npos;
  std::size_t held_size = 0;  // longest end of held_ that begins a stop string
  for (const std::string& stop : stops_) {
    first = std::min(first, held_.find(stop));
    for (std::size_t size = std::min(stop.size() - 1, held_.size()); size > held_size; --size) {
      if (held_.ends_with(std::string_view(stop).substr(0, size))) {
        held_size = size;
      }
    }
  }
  if (first != std::string::npos) {
    stopped_ = true;
    return std::exchange(held_, {}).substr(0, first);
  }
  std::string given = held_.substr(0, held_.size() - held_size);
  held_.erase(0, given.size());
  return given;
}

std::string StopText::finish() { return std::exchange(held_, {}); }

}  // namespace luthier::worker
