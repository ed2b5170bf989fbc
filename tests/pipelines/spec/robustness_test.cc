// Whatever the text: parse_spec and make_plan answer, and a file without errors has a plan or errors of it.
#include <gtest/gtest.h>

#include "base/random.h"
#include "pipelines/plan/make_plan.h"
#include "pipelines/spec/spec.h"
#include "tests/pipelines/spec/spec_files.h"

namespace luthier::spec {
namespace {

constexpr int kMutationsPerFile = 100;
constexpr int kMutationsOfLargePlans = 2;  // of the files at a limit, which take a while each

// True when the text was a good pipeline.
bool check_answers(const std::string& text, const std::string& context) {
  const ParsedSpec parsed = parse_spec(text, "f.yaml");
  EXPECT_EQ(parsed.spec.has_value(), parsed.errors.empty()) << context;
  for (const Diagnostic& error : parsed.errors) {
    EXPECT_FALSE(error.message.empty()) << context;
    EXPECT_FALSE(render(error, text).empty()) << context;
  }
  if (parsed.spec) {
    const plan::MadePlan made = plan::make_plan(*parsed.spec, {}, {}, plan::PlanMode::kOffline);
    EXPECT_EQ(made.plan.has_value(), made.errors.empty()) << context;
    if (made.plan) {
      EXPECT_FALSE(plan::to_json(*made.plan).dump().empty()) << context;
    }
  }
  return parsed.spec.has_value();
}

std::string mutate(std::string text, Random& random, const std::string& other) {
  static const std::string kTokens[] = {"${{",   "}}", "&a ", "*a",  "- ",      "? ",   ": ",  "[",   "]",     "{",
                                        "}",     "\n", "  ",  "\t",  "\"",      "'",    "|\n", ">\n", "null",  "~",
                                        "1e999", "-1", "!!",  "---", "\n...\n", "<<: ", "%",   "#",   "steps", "\xFF"};
  const std::uint64_t edits = 1 + random.below(4);
  for (std::uint64_t i = 0; i < edits && !text.empty(); ++i) {
    const std::size_t at = random.below(text.size());
    switch (random.below(5)) {
      case 0: text[at] = static_cast<char>(random.below(256)); break;
      case 1: text.erase(at, 1 + random.below(30)); break;
      case 2: text.insert(at, kTokens[random.below(std::size(kTokens))]); break;
      case 3: text.insert(at, text.substr(random.below(text.size()), random.below(60))); break;
      default: text.insert(at, other.substr(random.below(other.size()), random.below(60)));
    }
  }
  return text;
}

TEST(Robustness, MutatedSpecsAlwaysGetAnAnswer) {
  std::vector<test::SpecFile> files = test::spec_files("good");
  for (test::SpecFile& bad : test::spec_files("bad")) {
    files.push_back(std::move(bad));
  }
  Random random(20'261'121);
  int good = 0;
  for (const test::SpecFile& file : files) {
    const bool large = file.name.find("too_") != std::string::npos;
    for (int i = 0; i < (large ? kMutationsOfLargePlans : kMutationsPerFile); ++i) {
      const std::string text = mutate(file.text, random, files[random.below(files.size())].text);
      good += check_answers(text, file.name + ", mutation " + std::to_string(i)) ? 1 : 0;
    }
  }
  EXPECT_GT(good, 50) << "the mutations reach only the first checks";
}

std::string repeated(const std::string& unit, std::size_t bytes) {
  std::string text;
  while (text.size() < bytes) {
    text += unit;
  }
  return text;
}

TEST(Robustness, DeepAndLongTextsAreRefusedQuickly) {
  for (const char* unit :
       {"[", "{", "- ", "? ", "a: ", "{a: ", "[[],", "&a ", "*a ", "!x ", "'", "\"", "|\n", "%", ": "}) {
    check_answers("steps: " + repeated(unit, 20'000), unit);
    check_answers(repeated(unit, 20'000), unit);
  }
  check_answers("", "empty");
  check_answers(std::string(3, '\0'), "zero bytes");
  check_answers(std::string((1 << 20) + 1, 'a'), "too large");
  check_answers("\xEF\xBB\xBFname: a", "byte order mark");
  check_answers(std::string("\xFF\xFE") + "n\0a\0", "UTF-16");
}

TEST(Robustness, AliasesCannotMultiplyWithoutBound) {
  std::string text = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char c = 'b'; c <= 'k'; ++c) {
    const std::string previous(1, static_cast<char>(c - 1));
    text += std::string(1, c) + ": &" + std::string(1, c) + " [" + repeated("*" + previous + ",", 30) + "]\n";
  }
  const ParsedSpec parsed = parse_spec(text, "f.yaml");
  ASSERT_FALSE(parsed.errors.empty());
  EXPECT_NE(parsed.errors.back().message.find("values (aliases are counted"), std::string::npos)
      << parsed.errors.back().message;
  check_answers("a: &a [*a]", "an alias inside of its anchor");
}

}  // namespace
}  // namespace luthier::spec
