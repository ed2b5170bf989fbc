#include "controller/http/exposition.h"

#include <array>
#include <charconv>

namespace luthier::http {
namespace {

std::string number(double value) {
  std::array<char, 64> text{};
  const auto [end, failure] = std::to_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() ? std::string(text.data(), end) : "NaN";
}

std::string escaped(std::string_view value) {
  std::string text;
  for (const char character : value) {
    switch (character) {
      case '\\': text += "\\\\"; break;
      case '"': text += "\\\""; break;
      case '\n': text += "\\n"; break;
      default: text += character;
    }
  }
  return text;
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += "# HELP " + name_ + " " + std::string(help) + "\n# TYPE " + name_ + " " + std::string(type) + "\n";
}

void Exposition::sample(double value, const Labels& labels) { line("", value, labels); }

void Exposition::histogram(const controller::Histogram::Counts& counts) {
  for (const auto& [bound, count] : counts.buckets) {
    line("_bucket", static_cast<double>(count), {{"le", number(bound)}});
  }
  line("_bucket", static_cast<double>(counts.count), {{"le", "+Inf"}});
  line("_sum", counts.sum, {});
  line("_count", static_cast<double>(counts.count), {});
}

void Exposition::line(std::string_view suffix, double value, const Labels& labels) {
  text_ += name_ + std::string(suffix);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    text_ += (i == 0 ? "{" : ",") + std::string(labels[i].first) + "=\"" + escaped(labels[i].second) + "\"";
  }
  text_ += (labels.empty() ? " " : "} ") + number(value) + "\n";
}

}  // namespace luthier::http
