// Which examples make which batch: a pure function of lengths, settings and seed, so that a resumed training
// sees exactly the batches that an undisturbed one would.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace luthier::worker {

using Batch = std::vector<std::size_t>;  // indices of examples

// The batches of one epoch (from 0): every example once, in an order drawn from (seed, epoch). Examples of like
// length are put together within pools of some batches, so that little is padded; the order of the batches is
// drawn too. The last batch may be smaller.
[[nodiscard]] std::vector<Batch> epoch_batches(const std::vector<std::int64_t>& lengths, std::size_t batch_size,
                                               std::uint64_t seed, std::int64_t epoch);

// The batches of every epoch over packed rows, in the order of pack::bins_of_worker().
[[nodiscard]] std::vector<Batch> packed_batches(std::size_t rows, std::size_t batch_size);

// Cuts a batch into parts whose padded size (examples x longest) stays within `tokens_max`, at least one example
// each, longest first.
[[nodiscard]] std::vector<Batch> micro_batches(const Batch& batch, const std::vector<std::int64_t>& lengths,
                                               std::int64_t tokens_max);

}  // namespace luthier::worker
