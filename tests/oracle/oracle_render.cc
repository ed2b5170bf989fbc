// Reads lines of {"template": text, "variables": object} and answers each with one line: {"text", "generations"} or
// {"error", "refused"}; with "record" and "tokens" instead of "variables", {"text", "trained"} of that chat. What
// tests/oracle/templates.py holds against Python's Jinja.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/jinja/jinja.h"

namespace {

using Json = nlohmann::ordered_json;
namespace jinja = luthier::text::jinja;

Json failure(const luthier::Error& error) {
  return {{"error", error.message}, {"refused", error.code == luthier::ErrorCode::kFailedPrecondition}};
}

// 2026-01-05 07:08:09, a Monday: as tests/oracle/templates.py says.
std::tm date() {
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

Json answer_chat(const Json& request) {
  namespace text = luthier::text;
  const auto parsed = text::ChatTemplate::parse({{"default", "template", request.at("template").get<std::string>()}},
                                                request.at("tokens"));
  if (!parsed) {
    return failure(parsed.error());
  }
  const auto chat = parsed->render(request.at("record"), {.date = date()});
  if (!chat) {
    return failure(chat.error());
  }
  Json trained = Json::array();
  for (const text::ChatSpan& span : chat->spans) {
    if (span.trained) {
      trained.push_back({span.begin, span.end});
    }
  }
  return {{"text", chat->text}, {"trained", trained}, {"notes", chat->notes}};
}

Json answer(const Json& request) {
  if (request.contains("record")) {
    return answer_chat(request);
  }
  const auto parsed = jinja::Template::parse(request.at("template").get<std::string>(), "template");
  if (!parsed) {
    return failure(parsed.error());
  }
  const auto rendered = parsed->render(request.at("variables"), date());
  if (!rendered) {
    return failure(rendered.error());
  }
  Json spans = Json::array();
  for (const jinja::Generation& generation : rendered->generations) {
    spans.push_back({generation.begin, generation.end});
  }
  return {{"text", rendered->text}, {"generations", spans}, {"captured", rendered->generation_captured}};
}

}  // namespace

int main() {
  std::ios::sync_with_stdio(false);
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      std::cout << answer(Json::parse(line)).dump() << '\n';
    } catch (const Json::exception& error) {
      std::fprintf(stderr, "oracle_render: %s\n", error.what());
      return 1;
    }
  }
  return 0;
}
