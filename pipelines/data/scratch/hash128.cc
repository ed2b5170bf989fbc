#include "pipelines/data/scratch/hash128.h"

#include <xxhash.h>

namespace luthier::data::scratch {

Hash128 hash_of(std::string_view text) {
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

}  // namespace luthier::data::scratch
