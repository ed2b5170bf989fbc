#include "pipelines/text/pretokenizer.h"

#include <algorithm>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

// Rewrites every piece of `text`; write(rewriter, piece, index) writes one.
template <class Write>
void rewrite(AlignedText& text, std::vector<TextRange>& pieces, const Write& write) {
  Rewriter rewriter(text);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::size_t begin = rewriter.size();
    write(rewriter, pieces[i], i);
    pieces[i] = {begin, rewriter.size()};
  }
  rewriter.commit();
}

void apply_step(const PrefixStep& step, AlignedText& text, bool at_begin, std::vector<TextRange>& pieces) {
  const std::string_view before = text.text();
  const auto needs_prefix = [&](TextRange piece) {
    const bool here = step.where == PrefixStep::Where::kEveryPiece || (at_begin && piece.begin == 0);
    return here && before.compare(piece.begin, step.prefix.size(), step.prefix, 0, step.prefix.size()) != 0;
  };
  if (std::none_of(pieces.begin(), pieces.end(), needs_prefix)) {
    return;
  }
  rewrite(text, pieces, [&](Rewriter& rewriter, TextRange piece, std::size_t) {
    if (needs_prefix(piece)) {
      rewriter.put(step.prefix, piece.begin, piece.begin + decode_character(before, piece.begin).length);
    }
    rewriter.keep(piece.begin, piece.end);
  });
}

void scan(Scanner scanner, std::string_view text, TextRange piece, std::vector<TextRange>& pieces) {
  const std::string_view subject = text.substr(0, piece.end);
  for (std::size_t begin = piece.begin; begin < piece.end;) {
    const std::size_t end = scanner(subject, begin);
    pieces.push_back({begin, end});
    begin = end;
  }
}

void apply_step(const SubstituteStep& step, AlignedText& text, std::vector<TextRange>& pieces) {
  const std::string_view before = text.text();
  if (before.find(step.from) == std::string_view::npos) {
    return;
  }
  rewrite(text, pieces, [&](Rewriter& rewriter, TextRange piece, std::size_t) {
    std::size_t done = piece.begin;
    while (true) {
      const std::size_t found = before.find(step.from, done);
      if (found == std::string_view::npos || found + step.from.size() > piece.end) {
        break;
      }
      rewriter.keep(done, found);
      done = found + step.from.size();
      rewriter.put(step.to, found, done);
    }
    rewriter.keep(done, piece.end);
  });
}

void apply_step(const ByteLettersStep& step, AlignedText& text, std::vector<TextRange>& pieces) {
  const std::string_view before = text.text();
  rewrite(text, pieces, [&](Rewriter& rewriter, TextRange piece, std::size_t) {
    for (std::size_t at = piece.begin; at < piece.end;) {
      const std::size_t next = step.back ? at + decode_character(before, at).length : at + 1;
      const std::string_view part = before.substr(at, next - at);
      rewriter.put(step.back ? from_byte_level(part).value_or(std::string(part)) : to_byte_level(part), at, next);
      at = next;
    }
  });
}

}  // namespace

Result<SplitStep> make_split(std::string_view pattern, SplitBehavior behavior, bool invert) {
  LUTHIER_TRY(Regex regex, Regex::compile(pattern));
  // The scanners' matches leave nothing between them, so dropping that changes nothing.
  const bool all_matches =
      (behavior == SplitBehavior::kIsolated && !invert) || (behavior == SplitBehavior::kRemoved && invert);
  return SplitStep{std::move(regex), behavior, invert, all_matches ? find_scanner(pattern) : nullptr};
}

Scanner PreTokenizer::only_scanner() const {
  const auto* split = steps.size() == 1 ? std::get_if<SplitStep>(&steps.front()) : nullptr;
  return split != nullptr ? split->scanner : nullptr;
}

Splitter::Splitter(const PreTokenizer& pretokenizer) : pretokenizer_(pretokenizer) {
  for (const PreTokenizerStep& step : pretokenizer.steps) {
    if (const auto* split = std::get_if<SplitStep>(&step)) {
      matchers_.emplace_back(split->pattern);
    }
  }
}

Result<void> Splitter::split(AlignedText& text, bool at_begin, std::vector<TextRange>& pieces) {
  pieces.clear();
  if (text.text().empty()) {
    return {};
  }
  pieces.push_back({0, text.text().size()});
  std::size_t matcher = 0;
  for (const PreTokenizerStep& step : pretokenizer_.steps) {
    if (const auto* split = std::get_if<SplitStep>(&step)) {
      before_.swap(pieces);
      pieces.clear();
      for (const TextRange piece : before_) {
        if (split->scanner != nullptr) {
          scan(split->scanner, text.text(), piece, pieces);
          continue;
        }
        LUTHIER_TRY_VOID(split_by(*split, matchers_[matcher], text.text(), piece));
        merge_parts(split->behavior, pieces);
      }
      ++matcher;
    } else if (const auto* prefix = std::get_if<PrefixStep>(&step)) {
      apply_step(*prefix, text, at_begin, pieces);
    } else if (const auto* letters = std::get_if<ByteLettersStep>(&step)) {
      apply_step(*letters, text, pieces);
    } else {
      apply_step(std::get<SubstituteStep>(step), text, pieces);
    }
  }
  return {};
}

// Fills parts_ with the matches and what is between them; empty ones are left out.
Result<void> Splitter::split_by(const SplitStep& step, Matcher& matcher, std::string_view text, TextRange piece) {
  parts_.clear();
  const std::string_view subject = text.substr(piece.begin, piece.size());
  const auto add = [&](std::size_t begin, std::size_t end, bool is_match) {
    if (begin < end) {
      parts_.push_back({{piece.begin + begin, piece.begin + end}, is_match != step.invert});
    }
  };
  std::size_t done = 0;    // everything before it is in parts_
  std::size_t offset = 0;  // where to search on
  while (offset < subject.size()) {
    LUTHIER_TRY(const std::optional<Match> match, matcher.find(subject, offset));
    if (!match.has_value()) {
      break;
    }
    add(done, match->begin, false);
    add(match->begin, match->end, true);
    done = offset = match->end;
    if (match->begin == match->end && offset < subject.size()) {
      offset += decode_character(subject, offset).length;  // an empty match cuts, and the search moves on
    }
  }
  add(done, subject.size(), false);
  return {};
}

void Splitter::merge_parts(SplitBehavior behavior, std::vector<TextRange>& pieces) {
  bool previous = false;  // whether the part before was a match
  const std::size_t first = pieces.size();
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Part& part = parts_[i];
    bool joins = false;  // the piece before it
    switch (behavior) {
      case SplitBehavior::kIsolated: break;
      case SplitBehavior::kRemoved:
        if (part.is_match) {
          continue;
        }
        break;
      case SplitBehavior::kMergedWithPrevious: joins = part.is_match && !previous; break;
      case SplitBehavior::kMergedWithNext: joins = previous && !part.is_match; break;
      case SplitBehavior::kContiguous: joins = part.is_match == previous; break;
    }
    if (joins && pieces.size() > first) {
      pieces.back().end = part.range.end;
    } else {
      pieces.push_back(part.range);
    }
    previous = part.is_match;
  }
}

}  // namespace luthier::text
