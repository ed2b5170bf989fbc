#include "pipelines/data/check/totals.h"

#include <algorithm>

#include "pipelines/text/utf8.h"

namespace luthier::data::check {

void Tally::add(std::int64_t line) {
  ++count;
  if (lines.size() < kPlacesMax) {
    lines.push_back(line);
  }
}

void Tally::append(const Tally& later) {
  count += later.count;
  for (const std::int64_t line : later.lines) {
    if (lines.size() < kPlacesMax) {
      lines.push_back(line);
    }
  }
}

void Answers::add(std::string_view text, std::int64_t line, std::int64_t count) {
  given_ += count;
  longest_bytes_ = std::max(longest_bytes_, text.size());
  const Hash128 hash = hash_of(text);
  const auto known = by_hash_.find(hash);
  if (known != by_hash_.end()) {
    known->second.count += count;
    return;
  }
  add(hash, {count, line, text::replace_invalid_utf8(text.substr(0, kLabelBytesMax))});
}

void Answers::add(Hash128 hash, const Answer& answer) {
  const auto known = by_hash_.find(hash);
  if (known != by_hash_.end()) {
    known->second.count += answer.count;
  } else if (by_hash_.size() < kAnswersMax) {
    by_hash_.emplace(hash, answer);
  } else {
    full_ = true;
  }
}

void Answers::append(const Answers& later) {
  given_ += later.given_;
  longest_bytes_ = std::max(longest_bytes_, later.longest_bytes_);
  full_ = full_ || later.full_;
  // In the order of the file, for only the first ones are kept.
  std::vector<std::pair<Hash128, const Answer*>> ordered;
  for (const auto& [hash, answer] : later.by_hash_) {
    ordered.emplace_back(hash, &answer);
  }
  std::sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->line, a.first) < std::pair(b.second->line, b.first);
  });
  for (const auto& [hash, answer] : ordered) {
    add(hash, *answer);
  }
}

std::vector<Answer> Answers::sorted() const {
  std::vector<Answer> answers;
  for (const auto& [hash, answer] : by_hash_) {
    answers.push_back(answer);
  }
  std::sort(answers.begin(), answers.end(), [](const Answer& a, const Answer& b) {
    return std::tuple(-a.count, a.line, std::string_view(a.text)) <
           std::tuple(-b.count, b.line, std::string_view(b.text));
  });
  return answers;
}

void Totals::append(Totals&& later) {
  findings.append(std::move(later.findings));
  records += later.records;
  examples += later.examples;
  for (const auto& [kind, tally] : later.kinds) {
    kinds[kind].append(tally);
  }
  answers.append(later.answers);
  refusals.append(later.refusals);
  prompts_given += later.prompts_given;
  starts_with_space.append(later.starts_with_space);
  starts_plain.append(later.starts_plain);
  for (const auto& [end, tally] : later.ends_with_space) {
    ends_with_space[end].append(tally);
  }
  tokens.examples += later.tokens.examples;
  tokens.tokens += later.tokens.tokens;
  if (later.tokens.most > tokens.most) {
    tokens.most = later.tokens.most;
    tokens.most_line = later.tokens.most_line;
  }
  images += later.images;
  images_usable += later.images_usable;
  examples_with_images += later.examples_with_images;
}

}  // namespace luthier::data::check
