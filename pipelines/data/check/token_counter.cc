#include "pipelines/data/check/token_counter.h"

#include <algorithm>

namespace luthier::data::check {
namespace {

constexpr std::int64_t kPerMessage = 3;
constexpr std::int64_t kPerConversation = 3;

std::string beyond(std::int64_t tokens, std::int64_t context) {
  return std::to_string(tokens) + " tokens, " + std::to_string(tokens - context) + " more than the context of " +
         std::to_string(context) + ": ";
}

}  // namespace

std::int64_t TokenCounter::count(std::string_view text) {
  ids_.clear();
  // Texts of users: what looks like a special token is none. Text that cannot be encoded was refused before.
  (void)encoder_.encode(text, {.add_special_tokens = false, .parse_special_tokens = false}, ids_);
  return static_cast<std::int64_t>(ids_.size());
}

std::int64_t TokenCounter::count_role(std::string_view role) {
  const auto known = roles_.find(std::string(role));
  if (known != roles_.end()) {
    return known->second;
  }
  const std::int64_t tokens = count(role);
  if (roles_.size() < 100) {
    roles_.emplace(role, tokens);
  }
  return tokens;
}

std::int64_t TokenCounter::count_chat(std::span<const MessageText> texts, std::size_t messages, std::string& cut) {
  by_message_.assign(messages, kPerMessage);
  std::size_t last = messages;
  for (const MessageText& text : texts) {
    by_message_[text.message] += count(text.text) + (text.message == last ? 0 : count_role(text.role));
    last = text.message;
  }
  std::int64_t total = kPerConversation;
  std::size_t first_cut = messages;
  for (std::size_t i = 0; i < messages; ++i) {
    total += by_message_[i];
    if (first_cut == messages && context_ > 0 && total > context_) {
      first_cut = i;
    }
  }
  if (first_cut < messages) {
    const bool learns = std::any_of(texts.begin(), texts.end(), [&](const MessageText& text) {
      return text.role == "assistant" && text.message <= first_cut;
    });
    cut = beyond(total, context_) + "truncation cuts message " + std::to_string(first_cut + 1) + " of " +
          std::to_string(messages) + (first_cut + 1 < messages ? " and drops those after it" : "") +
          (learns ? "" : "; no assistant message is left to learn from");
  }
  return total;
}

std::int64_t TokenCounter::count_completion(std::string_view prompt, std::string_view completion, std::string& cut) {
  const std::int64_t prompt_tokens = count(prompt);
  const std::int64_t total = prompt_tokens + count(completion);
  if (context_ > 0 && total > context_) {
    const std::int64_t kept = std::max<std::int64_t>(0, context_ - prompt_tokens);
    cut = beyond(total, context_) + "truncation keeps " + std::to_string(kept) + " of the completion's " +
          std::to_string(total - prompt_tokens) + " tokens";
  }
  return total;
}

Result<std::int64_t> TrainingCounter::count(const read::Json& record, std::string& cut) {
  LUTHIER_TRY(tokens::RecordTokens read, tokenizer_.tokens_of(record));
  const auto total = std::ssize(read.tokens.ids);
  const std::int64_t kept = context_ + 1;                                        // the last token is only asked for
  if (context_ == 0 || total <= kept || read.kind == read::RecordKind::kText) {  // texts are cut, but not lost
    return total;
  }
  const auto asked = [&] { return std::count(read.trained.begin(), read.trained.end(), true); };
  const std::int64_t before = asked();
  if (read.kind == read::RecordKind::kPromptCompletion) {
    const std::int64_t answer_lost = std::max<std::int64_t>(0, before - (kept - 1));
    cut = beyond(total, context_) + "training drops the first " + std::to_string(total - kept - answer_lost) +
          " tokens of the prompt" +
          (answer_lost > 0 ? " and the last " + std::to_string(answer_lost) + " of the completion" : "");
    return total;
  }
  (void)text::keep_beginning(read.tokens.ids, read.trained, static_cast<std::size_t>(kept));
  const std::int64_t left = asked();
  cut = beyond(total, context_) + "training drops the end, and with it " + std::to_string(before - left) + " of the " +
        std::to_string(before) + " tokens to learn" + (left == 0 ? "; nothing is left to learn from" : "");
  return total;
}

}  // namespace luthier::data::check
