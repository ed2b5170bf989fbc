// RunProgress: what to show of a run while it goes on. Pure: takes runs as the API gives them and times, gives lines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/format.h"

namespace luthier::cli {

class RunProgress {
 public:
  struct Options {
    bool terminal = false;  // a live area at the bottom shows what runs; else lines tell when steps start, and every
                            // few seconds how far they are
    int width = 100;        // columns of the terminal
  };
  explicit RunProgress(Options options) : options_(options) {}

  // Lines to print for good: what happened since the last call.
  [[nodiscard]] std::vector<std::string> news(const Json& run, std::int64_t now_ms);
  // The live area: one line per step that is running or next. Only for terminals.
  [[nodiscard]] std::vector<std::string> live(const Json& run, std::int64_t now_ms) const;

 private:
  struct Seen {
    std::string status;
    std::size_t attempts_ended = 0;
    std::int64_t told_ms = 0;  // when its progress was last told
    std::string told_reason;
  };
  void news_of_step(const Json& step, std::int64_t now_ms, std::size_t name_width, std::vector<std::string>& lines);

  const Options options_;
  std::map<std::string, Seen> seen_;
};

// What a finished step has to say for itself, from its outputs: "kept 2,313 of 2,480 rows", "label_accuracy 0.981
// (base 0.512)". "" when nothing.
[[nodiscard]] std::string summary_of(const Json& step);
// "[#####-----] 50/200 steps  loss 1.23  1,210 tokens/s  0:31 left"; parts that are not known are left out.
[[nodiscard]] std::string progress_text(const Json& progress, bool with_bar);
// How long a step ran or has been running; 0 before it started.
[[nodiscard]] std::int64_t duration_ms_of(const Json& step, std::int64_t now_ms);

}  // namespace luthier::cli
