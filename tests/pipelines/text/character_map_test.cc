#include "pipelines/text/character_map.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "pipelines/text/base64.h"
#include "pipelines/text/normalizer.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

// Rules of ours, compiled by SentencePiece (normalization_rule_tsv): A to a, e with an acute to one character, the
// ligature fi to two, the soft hyphen to nothing, U+1D538 to AA. tests/oracle compares whole maps with Hugging Face's.
constexpr const char* kMap =
    "AAQAAAAAAQBBDQAABAAAgMwYAgCBBQAACQAAgK0FAAAAAACArAACAIENAAAGAACAnUwCAJTkAgC4DQAAAQAAgA4AAAARAAAAEAAA"
    "ABMAAAASAAAAFQAAABQAAAAXAAAAFgAAABkAAAAYAAAAGwAAABoAAAAdAAAAHAAAAB8AAAAeAAAAIQAAACAAAAAjAAAAIgAAACUA"
    "AABlqAMAJwAAACYAAAApAAAAKAAAACsAAAAqAAAALQAAACwAAAAvAAAALgAAADEAAAAwAAAAMwAAADIAAAA1AAAANAAAADcAAAA2"
    "AAAAOQAAADgAAAA7AAAAOgAAAD0AAAA8AAAAPwAAAD4AAABBAAAAQAAAAEMAAABCAAAARQAAAEQAAABHAAAARgAAAEkAAABIAAAA"
    "SwAAAEoAAABNAAAATAAAAE8AAABOAAAAUQAAAFAAAABTAAAAUgAAAFUAAABUAAAAVwAAAFYAAABZAAAAWAAAAFsAAABaAAAAXQAA"
    "AFwAAABfAAAAXgAAAGEAAABgAAAAYwAAAGIAAABlAAAAZAAAAGcAAABmAAAAaQAAAGgAAABrAAAAagAAAG0AAABsAAAAbwAAAG4A"
    "AABxAAAAcAAAAHMAAAByAAAAdQAAAHQAAAB3AAAAdgAAAHkAAAB4AAAAewAAAHoAAAB9AAAAfAAAAH8AAAB+AAAAgQAAAIAAAADC"
    "pAAAggAAAIUAAACEAAAAhwAAAIYAAACJAAAAiAAAAIsAAACKAAAAjQAAAIwAAACPAAAAjgAAAJEAAACQAAAAkwAAAJIAAACVAAAA"
    "lAAAAJcAAACWAAAAmQAAAJgAAACbAAAAmgAAAJ0AAACcAAAAnwAAAJ4AAAChAAAAoAAAAKMAAACiAAAApQAAAKQAAACnAAAApgAA"
    "AKkAAACoAAAAqwAAAKoAAACtAAAArAAAAK8AAADvLAAA8JgAALAAAACzAAAAsgAAALUAAAC0AAAAtwAAALYAAAC5AAAAuAAAALsA"
    "AAC6AAAAvQAAALwAAAC/AAAAvgAAAMEAAADAAAAAwwAAAMIAAADFAAAAxAAAAMcAAADGAAAAyQAAAMgAAADLAAAAygAAAM0AAADM"
    "AAAAzwAAAM4AAADRAAAA0AAAANMAAADSAAAA1QAAANQAAADXAAAA1gAAANkAAADYAAAA2wAAANoAAADdAAAA3AAAAN8AAADeAAAA"
    "4QAAAOAAAADjAAAA4gAAAOUAAADkAAAA5wAAAOYAAADpAAAA6AAAAOsAAADqAAAA7QAAAOwAAADvAAAA7gAAAPEAAADwAAAA8wAA"
    "APIAAAD1AAAA9AAAAPcAAAD2AAAA+QAAAPgAAAD7AAAA+gAAAP0AAAD8AAAA/wAAAP4AAAAAQUEAYQBmaQDDqQA=";

std::string map_bytes() { return *decode_base64(kMap); }

Normalizer mapping(CharacterMap map) {
  std::vector<NormalizerStep> steps;
  steps.emplace_back(CharacterMapStep{std::make_shared<const CharacterMap>(std::move(map))});
  return Normalizer(std::move(steps));
}

std::string normalized(const std::string& map, const std::string& text, bool tracked = true) {
  auto parsed = CharacterMap::parse(map);
  EXPECT_TRUE(parsed) << parsed.error().message;
  const Normalizer normalizer = mapping(std::move(*parsed));
  AlignedText aligned(text, 0, tracked);
  const auto done = normalizer.apply(aligned);
  EXPECT_TRUE(done);
  return std::string(aligned.text());
}

TEST(CharacterMap, ReplacesShortClustersWholeAndLongOnesCharacterByCharacter) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""},
      {"xyz", "xyz"},
      {"A", "a"},
      {"e\u0301x", "\u00e9x"},
      {"\ufb01A\ufb01", "fiafi"},
      {"\u00adab", "ab"},
      {"a\u00adb", "ab"},
      {"\U0001d538", "AA"},
      // A cluster of at most five bytes is what its beginning becomes, whatever its end is ...
      {"e\u0301\u0302", "\u00e9"},
      {"A\u0301", "a"},
      {"A\u0897", "a"},  // a mark of Unicode 16
      // ... and a longer one is mapped character by character.
      {"A\u0301\u0302\u0303", "a\u0301\u0302\u0303"},
      {"\r\nA", "\r\na"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_EQ(normalized(map_bytes(), text), wanted) << text;
    EXPECT_EQ(normalized(map_bytes(), text, false), wanted) << text;
  }
  AlignedText aligned("x\ufb01y", 0, true);
  auto map = CharacterMap::parse(map_bytes());
  ASSERT_TRUE(mapping(*map).apply(aligned));
  EXPECT_EQ(aligned.origin(2, 3), (TextRange{1, 4}));  // the i of fi stands for the ligature
}

TEST(CharacterMap, DamageIsRefusedOrFindsNothing) {
  const std::string good = map_bytes();
  for (const std::size_t size : {0U, 3U, 4U, 100U, 1'027U}) {
    EXPECT_FALSE(CharacterMap::parse(good.substr(0, size))) << size;
  }
  std::string longer = good;
  longer[2] = 1;  // a trie of more bytes than there are
  EXPECT_FALSE(CharacterMap::parse(longer));
  std::string odd = good;
  odd[0] = 2;  // half a unit
  EXPECT_FALSE(CharacterMap::parse(odd));
  EXPECT_FALSE(CharacterMap::parse(good + "\xff"));
  Random random(5);
  for (int round = 0; round < 3'000; ++round) {
    std::string damaged = good;
    for (int change = 0; change < 20; ++change) {
      damaged[4 + random.below(1'024)] = static_cast<char>(random.below(256));
    }
    const std::string text = normalized(damaged, "A\u00ade\u0301 \ufb01\U0001d538 the\r\n");
    EXPECT_FALSE(find_invalid_utf8(text)) << round;
  }
}

TEST(Clusters, EndWhereUsersSeeThemEnd) {
  const std::pair<const char*, std::size_t> cases[] = {
      {"ab", 1},       {"a\u0301b", 3}, {"\r\n", 2},          {"\n\r", 1},
      {"a\u200db", 4}, {"\u0600a", 3},  {"\u00e9\u0327x", 4}, {"\U0001f1e9\U0001f1ea", 8},
  };
  for (const auto& [text, end] : cases) {
    EXPECT_EQ(cluster_end(text, 0), end) << text;
  }
  EXPECT_GE(cluster_end("\U0001f469\u200d\U0001f469\u200d\U0001f467", 0), 6U);
}

}  // namespace
}  // namespace luthier::text
