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
    const std::vector<std::uint32_t> lengths = shard->sample_lengths(bin);
    const std::vector<pack::Sample> samples = shard->read_bin(bin);
    LUTHIER_CHECK(lengths.size() == samples.size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      LUTHIER_CHECK(lengths[i] == samples[i].tokens.size() && lengths[i] == samples[i].trained.size());
      tokens += lengths[i];
    }
  }
  LUTHIER_CHECK(tokens == shard->tokens());
}
