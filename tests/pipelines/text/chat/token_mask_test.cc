#include "pipelines/text/chat/token_mask.h"

#include <gtest/gtest.h>

namespace luthier::text {
namespace {

TEST(TokenMask, ATokenIsTrainedWhenAnyOfItsBytesIs) {
  Encoding encoding;
  encoding.ids = {0, 1, 2, 3, 4, 5, 6};
  encoding.ranges = {{0, 0}, {0, 3}, {3, 6}, {5, 8}, {8, 10}, {10, 11}, {11, 14}};
  const std::vector<ChatSpan> spans = {{0, 5, false}, {5, 10, true}, {10, 12, false}, {12, 14, true}};
  EXPECT_EQ(trained_tokens(encoding, spans), (std::vector<bool>{false, false, true, true, true, false, true}));
  EXPECT_EQ(trained_tokens(encoding, {}), std::vector<bool>(7, false));
}

}  // namespace
}  // namespace luthier::text
