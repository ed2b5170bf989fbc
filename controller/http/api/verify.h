// Verification of a model version: every digest that it rests on is computed again from the stored bytes, and every
// record of where it comes from is looked up. Answered as lines of JSON while it goes on (docs/http-api.md).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/digest/digest.h"
#include "controller/artifacts/artifacts.h"
#include "controller/http/message.h"
#include "controller/store/store.h"

namespace luthier::http::api {

// One thing that a version rests on: an artifact whose bytes are to be hashed, or (without a digest) a record that has
// been looked up.
struct Link {
  std::string name;     // "sports@1 adapter", "sports@1 run r-2"
  std::string digest;   // of an artifact; empty: a record
  std::string kind;     // what kind the artifact must be of
  std::string detail;   // of a record, for people
  std::string problem;  // of a record: why the chain breaks here; empty: it holds
};

// The chain of a version (an element of `versions` of `model`, which get_model() gave): the aliases that lead to it;
// its weights; the run and the step that made it; what the steps before that one took in; the version of its base, and
// so on. Every artifact once.
[[nodiscard]] Result<std::vector<Link>> chain_of(store::Store& store, const Json& model, const Json& version);

// Hashes the artifacts of a chain, a bounded number of bytes per pull().
class VerifySource final : public BodySource {
 public:
  VerifySource(artifacts::ArtifactStore& artifacts, std::vector<Link> chain)
      : artifacts_(artifacts), chain_(std::move(chain)) {}

  Piece pull() override;

 private:
  // Goes on with the present link; true when it is done and its line is in `out`.
  bool go_on(std::string& out, std::uint64_t& budget_bytes);
  bool open_link(std::string& out);
  // False when the budget ended before the file did.
  bool hash_file(const artifact::FileEntry& file, std::uint64_t& budget_bytes);
  void close_link(std::string& out);
  void note(const std::string& problem);

  artifacts::ArtifactStore& artifacts_;
  const std::vector<Link> chain_;
  std::size_t at_ = 0;
  std::size_t broken_ = 0;
  // of the present link:
  std::optional<artifact::Manifest> manifest_;
  std::size_t file_ = 0;
  std::optional<UniqueFd> open_;
  std::optional<Sha256> hash_;
  std::uint64_t bytes_ = 0;       // of the present file so far
  std::uint64_t done_bytes_ = 0;  // of the link
  std::string problem_;
};

}  // namespace luthier::http::api
