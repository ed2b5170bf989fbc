#include "pipelines/text/chat/token_mask.h"

#include <algorithm>

namespace luthier::text {

std::vector<bool> trained_tokens(const Encoding& encoding, const std::vector<ChatSpan>& spans) {
  std::vector<bool> trained;
  trained.reserve(encoding.ranges.size());
  for (const TextRange& range : encoding.ranges) {
    auto span = std::partition_point(spans.begin(), spans.end(),
                                     [&](const ChatSpan& before) { return before.end <= range.begin; });
    bool any = false;
    for (; range.size() > 0 && span != spans.end() && span->begin < range.end; ++span) {
      any = any || span->trained;
    }
    trained.push_back(any);
  }
  return trained;
}

}  // namespace luthier::text
