// StopText: lets text through until one of the stop strings appears in it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace luthier::worker {

class StopText {
 public:
  // Empty stop strings are ignored.
  explicit StopText(std::vector<std::string> stops);

  // Gives what can be said now: text that may still become a stop string is held back. Once stopped() is true,
  // nothing more is given: the stop string and what follows it are swallowed.
  [[nodiscard]] std::string push(std::string_view text);
  // What was held back, at the end of the answer; empty when stopped.
  [[nodiscard]] std::string finish();
  [[nodiscard]] bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace luthier::worker
