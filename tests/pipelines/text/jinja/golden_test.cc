// What Python's Jinja made of tests/golden/templates/snippets.py, snippet by snippet.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/pipelines/text/jinja/rendering.h"

namespace luthier::text::jinja {
namespace {

// As characters, which is what Python counts.
nlohmann::ordered_json spans_of(const Rendered& rendered) {
  const auto characters = [&](std::size_t bytes) {
    return std::count_if(rendered.text.begin(), rendered.text.begin() + static_cast<std::ptrdiff_t>(bytes),
                         [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80; });
  };
  nlohmann::ordered_json spans;
  for (const Generation& generation : rendered.generations) {
    spans.push_back({characters(generation.begin), characters(generation.end)});
  }
  return spans;
}

TEST(JinjaGolden, SnippetsRenderAsPythonRendersThem) {
  std::ifstream file(std::string(LUTHIER_SOURCE_DIR) + "/tests/golden/templates/snippets.json");
  const auto golden = nlohmann::ordered_json::parse(file);
  ASSERT_GT(golden.at("cases").size(), 150U);
  for (const auto& golden_case : golden.at("cases")) {
    const auto source = golden_case.at("template").get<std::string>();
    SCOPED_TRACE(source);
    const auto rendered = render(source, golden.at("variables"));
    if (golden_case.contains("fails")) {
      EXPECT_FALSE(rendered) << "rendered as " << rendered->text;
      if (rendered) {
        continue;
      }
      const bool refused = rendered.error().code == ErrorCode::kFailedPrecondition;
      EXPECT_EQ(golden_case.at("fails") == "refused", refused) << rendered.error().message;
      EXPECT_TRUE(rendered.error().message.starts_with("t:")) << rendered.error().message;
      continue;
    }
    EXPECT_TRUE(rendered) << rendered.error().message;
    if (!rendered) {
      continue;
    }
    EXPECT_EQ(golden_case.at("text").get<std::string>(), rendered->text);
    EXPECT_EQ(golden_case.value("generations", nlohmann::ordered_json()), spans_of(*rendered));
  }
}

}  // namespace
}  // namespace luthier::text::jinja
