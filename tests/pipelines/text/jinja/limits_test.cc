// Templates are untrusted: each of these would need hours, gigabytes or an endless stack.
#include <gtest/gtest.h>

#include "tests/pipelines/text/jinja/rendering.h"

namespace luthier::text::jinja {
namespace {

constexpr const char* kLoops = "{% for a in range(99999) %}{% for b in range(99999) %}";
constexpr const char* kEndLoops = "{% endfor %}{% endfor %}";

std::string repeated(const std::string& text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    out += text;
  }
  return out;
}

TEST(JinjaLimits, WhatNeverEndsIsStopped) {
  const Limits limits{.steps_max = 2'000'000, .memory_bytes_max = 64U << 20U, .output_bytes_max = 1U << 20U};
  const std::string sources[] = {
      std::string(kLoops) + kEndLoops,
      std::string(kLoops) + "{{ a }}" + kEndLoops,
      std::string(kLoops) + "{% set x = [a] %}" + kEndLoops,
      "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
      "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
      "{{ 'a' * 9999999999 }}",
      "{{ [1] * 999999999999 }}",
      "{{ '%999999999d' % 1 }}",
      "{{ 'a' | center(99999999999) }}",
      "{{ 'a\nb' | indent(99999999999) }}",
      "{{ 'a'.ljust(9223372036854775807) }}",
      "{% set n = namespace(x='ab') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace(x=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x | tojson }}",
      "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] "
      "%}"
      "{% endfor %}{{ n.x == n.y }}",
      "{% set n = namespace(x=[1], y=[1]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] "
      "%}"
      "{% endfor %}{{ n.x < n.y }}",
      "{% set n = namespace(x=[1]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
      "{% set n = namespace() %}{% set n.n = n %}{{ n }}",
      "{% set x = 'ab' * 100000 %}{% for i in range(99999) %}{{ x.replace('a', 'bb') | length }}{% endfor %}",
      "{% set x = 'ab' * 100000 %}{% for i in range(99999) %}{{ 'c' in x }}{% endfor %}",
      "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
      "{{ range(99999) | unique | list | length }}",
      "{% filter upper %}" + std::string(kLoops) + "{{ a }}" + kEndLoops + "{% endfilter %}",
  };
  for (const std::string& source : sources) {
    const auto rendered = render(source, nlohmann::ordered_json::object(), limits);
    ASSERT_FALSE(rendered) << source;
    EXPECT_TRUE(rendered.error().code == ErrorCode::kResourceExhausted ||
                rendered.error().message.find("width or precision") != std::string::npos)
        << source << ": " << rendered.error().message;
  }
}

TEST(JinjaLimits, SourcesNestedTooDeepAreRefused) {
  const std::string sources[] = {
      "{{ " + repeated("(", 50'000) + "1" + repeated(")", 50'000) + " }}",
      "{{ " + repeated("[", 50'000) + repeated("]", 50'000) + " }}",
      "{{ " + repeated("not ", 50'000) + "1 }}",
      "{{ " + repeated("-", 50'000) + "1 }}",
      "{{ 1" + repeated(" + 1", 50'000) + " }}",
      "{{ x" + repeated(".x", 50'000) + " }}",
      "{{ x" + repeated(" | trim", 50'000) + " }}",
      "{{ x" + repeated("()", 50'000) + " }}",
      "{{ 1" + repeated(" if 1 else 1", 10'000) + " }}",
      "{{ 1" + repeated(" is odd", 2) + repeated(" and 1", 10'000) + " }}",
      repeated("{% if 1 %}", 10'000) + repeated("{% endif %}", 10'000),
      repeated("{% for x in y %}", 10'000),
      "{% set " + repeated("(", 50'000) + "a = 1 %}",
      "{{ x is " + repeated("odd is ", 50'000) + " }}",
      repeated("x{{ 1 }}", 150'000),
  };
  for (const std::string& source : sources) {
    const auto rendered = render(source);
    ASSERT_FALSE(rendered) << source.substr(0, 40);
  }
}

TEST(JinjaLimits, LongConversationsFit) {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();
  for (int i = 0; i < 2000; ++i) {
    messages.push_back({{"role", i % 2 == 0 ? "user" : "assistant"}, {"content", std::string(1000, 'a')}});
  }
  const auto rendered =
      render("{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}",
             {{"messages", messages}});
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_GT(rendered->text.size(), 2'000'000U);
}

TEST(JinjaLimits, DataNestedTooDeepIsRefused) {
  nlohmann::ordered_json value = 1;
  for (int i = 0; i < 5000; ++i) {
    value = nlohmann::ordered_json::array({std::move(value)});
  }
  const auto rendered = render("{{ x }}", {{"x", std::move(value)}});
  ASSERT_FALSE(rendered);
  EXPECT_EQ(rendered.error().code, ErrorCode::kResourceExhausted);
}

}  // namespace
}  // namespace luthier::text::jinja
