// Server-Sent Events: the same events however the stream is cut.
#include <vector>

#include "integrations/sse.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  std::vector<integrations::SseEvent> whole;
  std::vector<integrations::SseEvent> pieces;
  integrations::SseParser first;
  integrations::SseParser second;
  (void)first.feed(bytes, [&](const integrations::SseEvent& event) { whole.push_back(event); });
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    (void)second.feed(bytes.substr(at, 2), [&](const integrations::SseEvent& event) { pieces.push_back(event); });
  }
  LUTHIER_CHECK(whole == pieces);
}
