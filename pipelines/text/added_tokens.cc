#include "pipelines/text/added_tokens.h"

#include <algorithm>

#include "pipelines/text/unicode_classes.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

bool is_single_word(std::string_view text, TextRange range) {
  if (range.begin > 0 && is_word_character(decode_character(text, previous_character(text, range.begin)).code_point)) {
    return false;
  }
  return range.end == text.size() || !is_word_character(decode_character(text, range.end).code_point);
}

}  // namespace

void AddedTokens::add(std::string_view content, const AddedToken& token) {
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
  if (nodes_[node].token == kNoToken) {
    nodes_[node].token = tokens_.size();
    tokens_.push_back(token);
    first_bytes_[static_cast<unsigned char>(content.front())] = true;
  }
}

std::optional<AddedTokens::Match> AddedTokens::find(std::string_view text, std::size_t offset) const {
  for (std::size_t begin = offset; begin < text.size(); ++begin) {
    if (!first_bytes_[static_cast<unsigned char>(text[begin])]) {
      continue;
    }
    std::optional<Match> longest;
    std::size_t node = 0;
    for (std::size_t i = begin; i < text.size(); ++i) {
      const auto found = nodes_[node].next.find(static_cast<unsigned char>(text[i]));
      if (found == nodes_[node].next.end()) {
        break;
      }
      node = found->second;
      if (nodes_[node].token != kNoToken) {
        longest = Match{{begin, i + 1}, nodes_[node].token};
      }
    }
    if (longest.has_value()) {
      return longest;
    }
  }
  return std::nullopt;
}

void AddedTokens::find_all(std::string_view text, bool skip_special, std::vector<Found>& found) const {
  found.clear();
  if (empty()) {
    return;
  }
  std::size_t done = 0;  // everything before it belongs to a token or is plain for good
  std::size_t offset = 0;
  while (const auto match = find(text, offset)) {
    offset = match->range.end;
    const AddedToken& token = tokens_[match->token];
    if ((skip_special && token.special) || (token.single_word && !is_single_word(text, match->range))) {
      continue;
    }
    TextRange range = match->range;
    while (token.left_strip && range.begin > done) {
      const std::size_t before = previous_character(text, range.begin);
      if (before < done || !is_white_space(decode_character(text, before).code_point)) {
        break;
      }
      range.begin = before;
    }
    while (token.right_strip && range.end < text.size()) {
      const DecodedCharacter next = decode_character(text, range.end);
      if (!is_white_space(next.code_point)) {
        break;
      }
      range.end += next.length;
    }
    found.push_back({range, token.id});
    done = range.end;
  }
}

}  // namespace luthier::text
