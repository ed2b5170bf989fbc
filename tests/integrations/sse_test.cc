#include "integrations/sse.h"

#include <gtest/gtest.h>

#include <vector>

namespace luthier::integrations {
namespace {

std::vector<SseEvent> parse(std::string_view text, std::size_t piece_bytes) {
  SseParser parser;
  std::vector<SseEvent> events;
  for (std::size_t at = 0; at < text.size(); at += piece_bytes) {
    EXPECT_TRUE(parser.feed(text.substr(at, piece_bytes), [&](const SseEvent& event) { events.push_back(event); }));
  }
  return events;
}

TEST(Sse, EventsAreTheSameHoweverTheBytesAreCut) {
  struct Case {
    const char* text;
    std::vector<SseEvent> events;
  };
  for (const Case& item : std::vector<Case>{
           {"data: a\n\n", {{"", "message", "a"}}},
           {"id: 7\nevent: step.started\ndata: {}\n\n", {{"7", "step.started", "{}"}}},
           {"data: a\ndata: b\ndata\n\n", {{"", "message", "a\nb\n"}}},
           {"data:a\r\n\r\ndata:  b\r\r", {{"", "message", "a"}, {"", "message", " b"}}},
           {": ping\n\n: ping\n\ndata: x\n\n", {{"", "message", "x"}}},
           {"id: 1\ndata: a\n\ndata: b\n\n", {{"1", "message", "a"}, {"1", "message", "b"}}},
           {"event: lonely\n\ndata: a\n\n", {{"", "message", "a"}}},
           {"data: unfinished\n", {}},
           {"unknown: x\nretry: 5\ndata: a:b\n\n", {{"", "message", "a:b"}}},
       }) {
    for (std::size_t piece = 1; piece < 8; ++piece) {
      EXPECT_EQ(parse(item.text, piece), item.events) << item.text << " by " << piece;
    }
  }
}

TEST(Sse, AnEndlessLineIsRefused) {
  SseParser parser;
  const std::string block(1 << 20, 'x');
  bool good = true;
  for (int i = 0; i < 20 && good; ++i) {
    good = parser.feed(block, [](const SseEvent&) {});
  }
  EXPECT_FALSE(good);
}

}  // namespace
}  // namespace luthier::integrations
