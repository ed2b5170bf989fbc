#include "pipelines/text/pretokenizer.h"

#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

void keep(std::string_view piece, std::vector<std::string_view>& pieces) {
  if (!piece.empty()) {
    pieces.push_back(piece);
  }
}

}  // namespace

Splitter::Splitter(const PreTokenizer& pretokenizer) : pretokenizer_(pretokenizer) {
  for (const SplitRule& rule : pretokenizer.rules) {
    matchers_.emplace_back(rule.regex);
  }
}

Result<void> Splitter::split(std::string_view text, std::vector<std::string_view>& pieces) {
  pieces.clear();
  keep(text, pieces);
  for (std::size_t rule = 0; rule < matchers_.size(); ++rule) {
    before_.swap(pieces);
    pieces.clear();
    for (const std::string_view piece : before_) {
      LUTHIER_TRY_VOID(split_by(rule, piece, pieces));
    }
  }
  return {};
}

Result<void> Splitter::split_by(std::size_t rule, std::string_view text, std::vector<std::string_view>& pieces) {
  const bool drop_between = pretokenizer_.rules[rule].drop_between;
  std::size_t cut = 0;     // everything before it is in `pieces`
  std::size_t offset = 0;  // where to search on
  while (offset < text.size()) {
    LUTHIER_TRY(const std::optional<Match> match, matchers_[rule].find(text, offset));
    if (!match.has_value()) {
      break;
    }
    if (!drop_between) {
      keep(text.substr(cut, match->begin - cut), pieces);
    }
    keep(text.substr(match->begin, match->end - match->begin), pieces);
    cut = match->end;
    offset = match->end;
    if (match->begin == match->end && offset < text.size()) {
      offset += character_length(text, offset);  // an empty match cuts, and the search moves on
    }
  }
  if (!drop_between) {
    keep(text.substr(cut), pieces);
  }
  return {};
}

}  // namespace luthier::text
