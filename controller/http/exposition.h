// Exposition: metrics as Prometheus' text format, version 0.0.4. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "controller/metrics.h"

namespace luthier::http {

class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  // Starts a family; its samples follow. `type` is counter, gauge or histogram.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(double value, const Labels& labels = {});
  void histogram(const controller::Histogram::Counts& counts);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  void line(std::string_view suffix, double value, const Labels& labels);

  std::string name_;
  std::string text_;
};

}  // namespace luthier::http
