// A shard of packed data from elsewhere; what opens must be readable to its last bin.
#include "pipelines/pack/shard.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  static const ScratchFolder folder;
  const auto shard = pack::Shard::open(folder.write("shard-00000.pack", bytes));
  if (!shard) {
    LUTHIER_CHECK(!shard.error().message.empty());
    return;
  }
  std::uint64_t tokens = 0;
  for (std::uint64_t bin = 0; bin < shard->bins(); ++bin) {
    for (const pack::Sample& sample : shard->read_bin(bin)) {
      tokens += sample.tokens.size();
    }
  }
  LUTHIER_CHECK(tokens == shard->tokens());
}
