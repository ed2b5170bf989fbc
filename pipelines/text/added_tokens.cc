#include "pipelines/text/added_tokens.h"

namespace luthier::text {

void AddedTokens::add(std::string_view content, TokenId id) {
  std::size_t node = 0;
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    const auto found = nodes_[node].next.find(byte);
    if (found != nodes_[node].next.end()) {
      node = found->second;
      continue;
    }
    const std::size_t created = nodes_.size();
    nodes_.emplace_back();
    nodes_[node].next.emplace(byte, created);
    node = created;
  }
  nodes_[node].id = id;
}

std::optional<AddedTokens::Found> AddedTokens::find(std::string_view text, std::size_t offset) const {
  if (empty()) {
    return std::nullopt;
  }
  for (std::size_t begin = offset; begin < text.size(); ++begin) {
    std::optional<Found> longest;
    std::size_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      const auto found = nodes_[node].next.find(static_cast<unsigned char>(text[i]));
      if (found == nodes_[node].next.end()) {
        break;
      }
      node = found->second;
      if (nodes_[node].id >= 0) {
        longest = Found{begin, i + 1, nodes_[node].id};
      }
    }
    if (longest.has_value()) {
      return longest;
    }
  }
  return std::nullopt;
}

}  // namespace luthier::text
