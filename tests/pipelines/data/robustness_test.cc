// Damaged input of every format: an error or a result whose counts add up, never a crash.
#include <gtest/gtest.h>

#include "base/random.h"
#include "pipelines/data/prepare.h"
#include "tests/pipelines/data/temporary_folder.h"

namespace luthier::data {
namespace {

std::string damaged(Random& random, std::string text) {
  static constexpr std::string_view kTricky = "\"\"\n\r,\t{}[]:\\\xff\xc3\xef\xbb\xbf \0n";
  for (std::uint64_t change = random.below(3) + 1; change > 0 && !text.empty(); --change) {
    const std::size_t at = random.below(text.size());
    switch (random.below(5)) {
      case 0: text[at] = kTricky[random.below(kTricky.size())]; break;
      case 1: text[at] = static_cast<char>(static_cast<unsigned char>(random.below(256))); break;
      case 2: text.erase(at, random.below(12)); break;
      case 3: text.insert(at, text.substr(random.below(text.size()), random.below(30))); break;
      default: text.resize(at + 1); break;
    }
  }
  return text;
}

TEST(DataRobustness, DamagedFilesNeverCrash) {
  const struct {
    const char* name;
    const char* text;
  } seeds[] = {
      {"f.csv", "text,lable,id\n\"a, \"\"b\"\"\",x,1\n\n c ,X ,2\nd,y,3\n\"e\nf\",y,4\ng,,5\na,x,6\nc,y,7\n"},
      {"f.tsv", "prompt\tcompletion\r\na\tx\r\nb\ty\r\n\r\nc\tx\r\n"},
      {"f.jsonl",
       "{\"prompt\":\"a\",\"completion\":\"x\"}\n\n{\"prompt\":\"\\u00e9\",\"completion\":1}\n{\"prompt\":null,"
       "\"completion\":true}\n"},
      {"f.json", "[{\"text\":\"a\",\"label\":\"x\"},\n{\"text\":\"b\",\"label\":\"y\"}]"},
      {"f.txt", "one\ntwo\n\n three \n\nfour\n"},
  };
  const TemporaryFolder folder;
  Random random(21);
  int usable = 0;
  for (int round = 0; round < 1'500; ++round) {
    const auto& seed = seeds[random.below(std::size(seeds))];
    Settings settings;
    settings.source = folder.write(seed.name, damaged(random, seed.text));
    settings.split = {.validation = round % 2 == 0 ? 0.2 : 0, .seed = random.next()};
    const auto prepared = analyze(settings);
    if (!prepared) {
      EXPECT_FALSE(prepared.error().message.empty());
      EXPECT_EQ(prepared.error().code, ErrorCode::kInvalidArgument) << prepared.error().message;
      continue;
    }
    ++usable;
    const RowCounts& rows = prepared->report.rows;
    EXPECT_EQ(rows.read, rows.kept + prepared->report.dropped());
    EXPECT_EQ(rows.kept, rows.train + rows.validation + rows.test);
    EXPECT_FALSE(prepared->report.to_markdown().empty());
  }
  EXPECT_GT(usable, 300);
}

TEST(DataRobustness, DeepNestingIsNoStackOverflow) {
  const TemporaryFolder folder;
  Settings settings;
  settings.source = folder.write("f.jsonl",
                                 "{\"prompt\":\"a\",\"completion\":\"b\"}\n{\"prompt\":\"c\",\"completion\":\"d\"}\n"
                                 "{\"prompt\":\"e\",\"completion\":\"f\",\"x\":" +
                                     std::string(200'000, '[') + std::string(200'000, ']') + "}\n" +
                                     std::string(200'000, '[') + "\n");
  const auto prepared = analyze(settings);
  ASSERT_TRUE(prepared) << prepared.error().message;
  EXPECT_EQ(prepared->report.rows.kept, 2);
  EXPECT_EQ(prepared->report.rows_of("broken_json"), 2);
}

}  // namespace
}  // namespace luthier::data
