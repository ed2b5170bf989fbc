// What goldens of Python cannot show: places in messages, and which message a generation block belongs to.
#include "pipelines/text/jinja/jinja.h"

#include <gtest/gtest.h>

#include "tests/pipelines/text/jinja/rendering.h"

namespace luthier::text::jinja {
namespace {

using Json = nlohmann::ordered_json;

struct Wrong {
  const char* source;
  const char* message;
};

TEST(Jinja, MessagesNameLineAndColumn) {
  const Wrong cases[] = {
      {"a\nb {{ x.y }}", "t:2:7: 'x' is undefined"},
      {"é {{ 'é' + 1 }}", "t:1:10: '+' does not work on 'str' and 'int'; '~' joins anything as text"},
      {"{{ 'a' | shout }}", "t:1:10: there is no filter 'shout'"},
      {"{% if x %}\n{% for y in x %}\n{% endif %}", "t:3:4: there is no tag 'endif' here; {% endfor %} is due"},
      {"{% if x %}\n", "t:1:11: {% endif %} is missing"},
      {"{{ raise_exception('Only user and assistant!') }}", "t:1:4: Only user and assistant!"},
      {"{% include 'x' %}", "t:1:4: {% include %} is not supported: a chat template is one file"},
      {"a\r\nb\r\n{{ 1 / 0 }}", "t:3:6: division by zero"},
      {"{{ [1, 2) }}", "t:1:9: ')' where ']' is due"},
      {"{% for m in messages %}{{ m['content'] + 'x' }}{% endfor %}",
       "t:1:40: '+' does not work on 'NoneType' and 'str'; '~' joins anything as text"},
  };
  const Json variables = Json::parse(R"({"messages": [{"content": null}]})");
  for (const Wrong& wrong : cases) {
    const auto rendered = render(wrong.source, variables);
    ASSERT_FALSE(rendered) << wrong.source;
    EXPECT_EQ(rendered.error().message, wrong.message);
  }
}

TEST(Jinja, TextThatIsNotUtf8IsRefusedWithItsPlace) {
  const auto parsed = Template::parse("ab\n c\xff", "t");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message, "t:2:3: this is not UTF-8");
  const auto rendered = render("{{ x }}", Json{{"x", "\xff"}});
  ASSERT_FALSE(rendered);
  EXPECT_NE(rendered.error().message.find("UTF-8"), std::string::npos);
}

TEST(Jinja, NumbersBeyond64BitsAreRefused) {
  for (const char* source : {"{{ 9223372036854775807 + 1 }}", "{{ 99999999999999999999 }}", "{{ 10 ** 30 }}",
                             "{{ -9223372036854775807 * 2 }}", "{{ 3037000500 * 3037000500 }}"}) {
    const auto rendered = render(source);
    ASSERT_FALSE(rendered) << source;
    EXPECT_NE(rendered.error().message.find("64 bits"), std::string::npos) << rendered.error().message;
  }
}

TEST(Jinja, GenerationBlocksKnowTheirMessage) {
  const Json variables = Json::parse(R"({"messages": [
    {"role": "user", "content": "q"}, {"role": "assistant", "content": "é", "calls": [1, 2]}, {"role": "assistant", "content": "b"}]})");
  const auto rendered = render(
      "{% for m in messages[1:] %}<{% generation %}{{ m.content }}{% endgeneration %}>"
      "{% for c in m.calls %}{% generation %}{{ c }}{% endgeneration %}{% endfor %}{% endfor %}",
      variables);
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(rendered->text, "<é>12<b>");
  ASSERT_EQ(rendered->generations.size(), 4U);
  EXPECT_EQ(rendered->generations[0].begin, 1U);
  EXPECT_EQ(rendered->generations[0].end, 3U);
  EXPECT_EQ(rendered->generations[1].message, 1U);
  EXPECT_EQ(rendered->generations[2].message, 1U);
  EXPECT_EQ(rendered->generations[3].message, 2U);
  EXPECT_FALSE(rendered->generation_captured);
}

TEST(Jinja, GenerationInsideAMacroIsSaidToBeLost) {
  const auto rendered = render("{% macro m() %}{% generation %}x{% endgeneration %}{% endmacro %}a{{ m() }}");
  ASSERT_TRUE(rendered) << rendered.error().message;
  EXPECT_EQ(rendered->text, "ax");
  EXPECT_TRUE(rendered->generations.empty());
  EXPECT_TRUE(rendered->generation_captured);
}

TEST(Jinja, TheOrderOfKeysIsKept) {
  const auto rendered = render("{{ x | tojson }}", Json::parse(R"({"x": {"z": 1, "a": 2, "m": {"y": 1, "b": 2}}})"));
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->text, R"({"z": 1, "a": 2, "m": {"y": 1, "b": 2}})");
}

TEST(Jinja, ATemplateRendersManyTimes) {
  const auto parsed =
      Template::parse("{% set n = namespace(i=0) %}{% for x in xs %}{% set n.i = n.i + x %}{% endfor %}{{ n.i }}", "t");
  ASSERT_TRUE(parsed);
  for (int i = 0; i < 3; ++i) {
    const auto rendered = parsed->render(Json{{"xs", {i, 1}}}, test_date());
    ASSERT_TRUE(rendered);
    EXPECT_EQ(rendered->text, std::to_string(i + 1));
  }
}

}  // namespace
}  // namespace luthier::text::jinja
