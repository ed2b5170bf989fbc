#include "pipelines/text/normalizer.h"

#include <algorithm>

#include "pipelines/text/unicode_classes.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {
namespace {

// A file may ask for a replacement that makes text longer, but not for one that takes all memory.
constexpr std::size_t kGrowthMax = 64;
constexpr std::size_t kGrowthBytes = 4096;

// Where the run of characters that normalise together ends; it begins at `offset`.
std::size_t segment_end(std::string_view text, std::size_t offset, UnicodeForm form) {
  const DecodedCharacter first = decode_character(text, offset);
  offset += first.length;
  while (offset < text.size() && !is_newer_than_normalization(first.code_point)) {
    const DecodedCharacter next = decode_character(text, offset);
    if (begins_normalization_segment(next.code_point, form)) {
      break;
    }
    offset += next.length;
  }
  return offset;
}

Result<void> apply_step(UnicodeForm form, AlignedText& text) {
  LUTHIER_TRY(const std::string whole, normalize_unicode(text.text(), form));
  if (whole == text.text()) {
    return {};
  }
  Rewriter rewriter(text);
  if (!text.tracked()) {
    rewriter.put(whole, 0, text.text().size());
    rewriter.commit();
    return {};
  }
  std::string joined;
  const std::string_view before = text.text();
  for (std::size_t begin = 0; begin < before.size();) {
    const std::size_t end = segment_end(before, begin, form);
    const std::string_view segment = before.substr(begin, end - begin);
    LUTHIER_TRY(const std::string normal, normalize_unicode(segment, form));
    joined += normal;
    if (normal == segment) {
      rewriter.keep(begin, end);
    } else {
      rewriter.put(normal, begin, end);
    }
    begin = end;
  }
  LUTHIER_CHECK(joined == whole);
  rewriter.commit();
  return {};
}

Result<void> apply_step(const LowercaseStep&, AlignedText& text) {
  Rewriter rewriter(text);
  const std::string_view before = text.text();
  std::string lower;
  for (std::size_t offset = 0; offset < before.size();) {
    const DecodedCharacter character = decode_character(before, offset);
    lower.clear();
    append_lower_case(lower, character.code_point);
    rewriter.put(lower, offset, offset + character.length);
    offset += character.length;
  }
  rewriter.commit();
  return {};
}

Result<void> apply_step(const StripStep& strip, AlignedText& text) {
  const std::string_view before = text.text();
  std::size_t begin = 0;
  std::size_t end = before.size();
  while (strip.left && begin < end) {
    const DecodedCharacter character = decode_character(before, begin);
    if (!is_white_space(character.code_point)) {
      break;
    }
    begin += character.length;
  }
  while (strip.right && end > begin) {
    const std::size_t last = previous_character(before, end);
    if (!is_white_space(decode_character(before, last).code_point)) {
      break;
    }
    end = last;
  }
  if (begin > 0 || end < before.size()) {
    Rewriter rewriter(text);
    rewriter.keep(begin, end);
    rewriter.commit();
  }
  return {};
}

Result<void> apply_step(const PrependStep& prepend, AlignedText& text) {
  const std::string_view before = text.text();
  if (before.empty()) {
    return {};
  }
  Rewriter rewriter(text);
  rewriter.put(prepend.prefix, 0, decode_character(before, 0).length);
  rewriter.keep(0, before.size());
  rewriter.commit();
  return {};
}

Error grows_too_much() {
  return {ErrorCode::kResourceExhausted,
          "the tokenizer's normalizer makes the text more than " + std::to_string(kGrowthMax) + " times as long"};
}

Result<void> apply_step(const ReplaceLiteralStep& replace, AlignedText& text) {
  const std::string_view before = text.text();
  std::size_t found = before.find(replace.pattern);
  if (found == std::string_view::npos) {
    return {};
  }
  Rewriter rewriter(text);
  std::size_t done = 0;
  std::size_t budget = before.size() * kGrowthMax + kGrowthBytes;
  for (; found != std::string_view::npos; found = before.find(replace.pattern, done)) {
    if (replace.content.size() > budget) {
      return grows_too_much();
    }
    budget -= replace.content.size();
    rewriter.keep(done, found);
    done = found + replace.pattern.size();
    rewriter.put(replace.content, found, done);
  }
  rewriter.keep(done, before.size());
  rewriter.commit();
  return {};
}

Result<void> apply_step(const ReplaceRegexStep& replace, AlignedText& text) {
  Matcher matcher(replace.pattern);
  const std::string_view before = text.text();
  Rewriter rewriter(text);
  std::size_t done = 0;
  std::size_t offset = 0;
  std::size_t budget = before.size() * kGrowthMax + kGrowthBytes;
  while (offset < before.size()) {
    LUTHIER_TRY(const std::optional<Match> match, matcher.find(before, offset));
    if (!match.has_value()) {
      break;
    }
    if (match->begin == match->end) {  // nothing to replace
      if (match->begin >= before.size()) {
        break;
      }
      offset = match->begin + decode_character(before, match->begin).length;
      continue;
    }
    if (replace.content.size() > budget) {
      return grows_too_much();
    }
    budget -= replace.content.size();
    rewriter.keep(done, match->begin);
    rewriter.put(replace.content, match->begin, match->end);
    done = offset = match->end;
  }
  if (done > 0) {
    rewriter.keep(done, before.size());
    rewriter.commit();
  }
  return {};
}

Result<void> apply_step(const CharacterMapStep& step, AlignedText& text) {
  constexpr std::size_t kClusterBytesMax = 5;
  const std::string_view before = text.text();
  Rewriter rewriter(text);
  std::size_t kept = 0;  // everything before it is written
  std::size_t budget = before.size() * kGrowthMax + kGrowthBytes;
  const auto replace = [&](std::size_t begin, std::size_t end) {
    const auto replacement = step.map->find(before.substr(begin, end - begin));
    if (replacement) {
      rewriter.keep(kept, begin);
      rewriter.put(*replacement, begin, end);
      kept = end;
      budget -= std::min(budget, replacement->size());
    }
    return replacement.has_value();
  };
  for (std::size_t begin = 0; begin < before.size() && budget > 0;) {
    const std::size_t end = cluster_end(before, begin);
    if (end - begin <= kClusterBytesMax && replace(begin, end)) {
      begin = end;
      continue;
    }
    while (begin < end) {
      const std::size_t next = begin + decode_character(before, begin).length;
      (void)replace(begin, next);
      begin = next;
    }
  }
  if (budget == 0) {
    return grows_too_much();
  }
  if (kept > 0) {
    rewriter.keep(kept, before.size());
    rewriter.commit();
  }
  return {};
}

}  // namespace

Result<void> Normalizer::apply(AlignedText& text) const {
  for (const NormalizerStep& step : steps_) {
    LUTHIER_TRY_VOID(std::visit([&](const auto& chosen) { return apply_step(chosen, text); }, step));
  }
  return {};
}

}  // namespace luthier::text
