// Rows: what the batches of a training are made of: its examples in memory, or the rows of packed shards
// (pipelines/pack/shard.h), each of several examples, which are read when their turn comes. Free of LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "agents/worker/formats/example.h"
#include "base/result.h"
#include "pipelines/pack/shard.h"

namespace luthier::worker {

class Rows {
 public:
  Rows() = default;
  explicit Rows(std::vector<Example> examples);

  struct PackOptions {
    std::string tokenizer_digest;       // of the model's tokenizer.json, "sha256:…"
    std::int64_t input_length_max = 0;  // positions the model may see at once
    std::size_t vocab_size = 0;
  };
  // kInvalidArgument: the shards were made for another tokenizer, or hold samples that are too long; kDataLoss: they
  // are damaged.
  [[nodiscard]] static Result<Rows> open_pack(const std::filesystem::path& folder, const PackOptions& options);

  // Of packed rows: whether they hold conversations.
  [[nodiscard]] bool has_chats() const { return pack_.has_value() && pack_->chats() > 0; }
  [[nodiscard]] bool is_packed() const { return pack_.has_value(); }
  [[nodiscard]] std::int64_t size() const;
  // Positions of each row that the model sees, all its examples together.
  [[nodiscard]] const std::vector<std::int64_t>& lengths() const { return lengths_; }
  // The examples of a row: one, unless it is packed. kDataLoss: a token that the model does not know.
  [[nodiscard]] Result<std::vector<Example>> read(std::size_t row) const;
  // Differs when the rows differ: guards resumption, not secrets.
  [[nodiscard]] std::uint64_t fingerprint() const;

 private:
  std::vector<Example> examples_;
  std::optional<pack::Pack> pack_;
  std::size_t vocab_size_ = 0;
  std::vector<std::int64_t> lengths_;
};

}  // namespace luthier::worker
