// A template's text in one call, for tests.
#pragma once

#include "pipelines/text/jinja/jinja.h"

namespace luthier::text::jinja {

// Monday, 2026-01-05 07:08:09.
inline std::tm test_date() {
  std::tm date{};
  date.tm_year = 126;
  date.tm_mday = 5;
  date.tm_wday = 1;
  date.tm_yday = 4;
  date.tm_hour = 7;
  date.tm_min = 8;
  date.tm_sec = 9;
  return date;
}

inline Result<Rendered> render(const std::string& source,
                               const nlohmann::ordered_json& variables = nlohmann::ordered_json::object(),
                               const Limits& limits = {}) {
  LUTHIER_TRY(const Template parsed, Template::parse(source, "t"));
  return parsed.render(variables, test_date(), limits);
}

}  // namespace luthier::text::jinja
