// strftime_now.
#include <array>
#include <ctime>

#include "pipelines/text/jinja/evaluator.h"

namespace luthier::text::jinja {

// One directive at a time, so that no format makes much text and unknown ones stay as they are.
std::string format_date(std::string_view format, const std::tm& date) {
  std::string out;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out += format[i];
      continue;
    }
    std::string directive = "%";
    if (std::string_view("-_0^#").find(format[i + 1]) != std::string_view::npos && i + 2 < format.size()) {
      directive += format[++i];
    }
    const char letter = format[++i];
    if (letter == 'f') {
      out += "000000";
    } else if (std::string_view("aAbBcdDeFgGhHIjklmMnprRsStTuUVwWxXyYzZCP%").find(letter) == std::string_view::npos) {
      out += directive + letter;
    } else {
      directive += letter;
      std::array<char, 128> buffer{};
      out.append(buffer.data(), std::strftime(buffer.data(), buffer.size(), directive.c_str(), &date));
    }
  }
  return out;
}

}  // namespace luthier::text::jinja
