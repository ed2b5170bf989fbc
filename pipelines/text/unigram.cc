#include "pipelines/text/unigram.h"

#include <algorithm>
#include <limits>

#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

// What an unknown character costs below the least likely token.
constexpr double kUnknownPenalty = 10.0;
constexpr std::uint32_t kNoNode = 0;  // the root is nobody's child

}  // namespace

Unigram::Unigram(const std::vector<Entry>& vocabulary, TokenId unknown_id, const std::array<TokenId, 256>& byte_ids)
    : unknown_id_(unknown_id), byte_ids_(byte_ids) {
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t id = 0; id < vocabulary.size(); ++id) {
    scores_.push_back(vocabulary[id].score);
    least = std::min(least, vocabulary[id].score);
    if (!vocabulary[id].text.empty()) {
      insert(vocabulary[id].text, static_cast<TokenId>(id));
      texts_[vocabulary[id].text] = static_cast<TokenId>(id);
    }
  }
  unknown_score_ = least - kUnknownPenalty;
}

void Unigram::insert(std::string_view text, TokenId id) {
  std::uint32_t node = 0;
  for (const char c : text) {
    const std::uint64_t edge = std::uint64_t{node} << 8 | static_cast<unsigned char>(c);
    const auto [found, inserted] = edges_.try_emplace(edge, static_cast<std::uint32_t>(ids_.size()));
    if (inserted) {
      ids_.push_back(-1);
    }
    node = found->second;
  }
  ids_[node] = id;
}

std::uint32_t Unigram::child(std::uint32_t node, unsigned char byte) const {
  const auto found = edges_.find(std::uint64_t{node} << 8 | byte);
  return found == edges_.end() ? kNoNode : found->second;
}

void Unigram::find_best_path(std::string_view piece, Scratch& scratch) const {
  std::vector<Scratch::Ending>& endings = scratch.endings_;
  endings.assign(piece.size() + 1, {});
  const auto offer = [&](std::size_t begin, std::size_t end, double score, TokenId id) {
    Scratch::Ending& ending = endings[end];
    if (ending.begin == Scratch::kNone || score > ending.score) {
      ending = {score, static_cast<std::uint32_t>(begin), id};
    }
  };
  for (std::size_t begin = 0; begin < piece.size();) {
    const double before = endings[begin].score;
    const std::size_t next = begin + decode_character(piece, begin).length;
    bool has_single = false;
    std::uint32_t node = 0;
    for (std::size_t end = begin; end < piece.size();) {
      ++scratch.steps_;
      node = child(node, static_cast<unsigned char>(piece[end++]));
      if (node == kNoNode) {
        break;
      }
      if (const TokenId id = ids_[node]; id >= 0) {
        offer(begin, end, before + scores_[static_cast<std::size_t>(id)], id);
        has_single = has_single || end == next;
      }
    }
    if (!has_single) {
      offer(begin, next, before + unknown_score_, -1);
    }
    begin = next;
  }
}

void Unigram::encode(std::string_view piece, Scratch& scratch, ModelOutput& output) const {
  if (piece.empty()) {
    return;
  }
  find_best_path(piece, scratch);
  std::vector<std::uint32_t>& boundaries = scratch.boundaries_;
  boundaries.clear();
  for (auto end = static_cast<std::uint32_t>(piece.size()); end > 0; end = scratch.endings_[end].begin) {
    boundaries.push_back(end);
  }
  std::size_t begin = 0;
  for (std::size_t i = boundaries.size(); i > 0; --i) {
    const auto is_unknown = [&](std::size_t end) {
      const TokenId id = scratch.endings_[end].id;
      return id < 0 || id == unknown_id_;
    };
    const std::size_t end = boundaries[i - 1];
    const bool unknown = is_unknown(end);
    if (unknown && i > 1 && is_unknown(boundaries[i - 2])) {
      continue;  // neighbouring unknown characters are one token
    }
    add_part(piece.substr(begin, end - begin), unknown, scratch.endings_[end].id, output);
    begin = end;
  }
}

void Unigram::add_part(std::string_view part, bool unknown, TokenId id, ModelOutput& output) const {
  const auto length = static_cast<std::uint32_t>(part.size());
  if (!unknown) {
    output.add(id, length);
    return;
  }
  if (const auto found = texts_.find(std::string(part)); found != texts_.end()) {
    output.add(found->second, length);
    return;
  }
  const bool bytes = std::all_of(part.begin(), part.end(),
                                 [&](char byte) { return byte_ids_[static_cast<unsigned char>(byte)] >= 0; });
  for (std::size_t i = 0; bytes && i < part.size(); ++i) {
    // Every byte stands for the whole part, as Hugging Face's tokenizers have it; the last one says its length.
    output.add(byte_ids_[static_cast<unsigned char>(part[i])], i + 1 == part.size() ? length : 0);
  }
  if (!bytes && unknown_id_ >= 0) {
    output.add(unknown_id_, length);
  }
}

}  // namespace luthier::text
