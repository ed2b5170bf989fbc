#include "pipelines/text/chat/chat_tokens.h"

#include <algorithm>

#include "pipelines/text/chat/token_mask.h"

namespace luthier::text {

Result<ChatTokens> chat_tokens(const ChatTemplate& chat_template, Encoder& encoder, const ChatJson& record,
                               const ChatOptions& options) {
  ChatTokens made;
  LUTHIER_TRY(made.chat, chat_template.render(record, options));
  LUTHIER_TRY_VOID(encoder.encode(made.chat.text, {}, made.tokens));
  made.trained = trained_tokens(made.tokens, made.chat.spans);
  return made;
}

std::tm training_date() { return {.tm_mday = 26, .tm_mon = 6, .tm_year = 124, .tm_wday = 5, .tm_yday = 207}; }

bool learns_anything(const std::vector<bool>& trained) {
  return !trained.empty() && std::find(trained.begin() + 1, trained.end(), true) != trained.end();
}

bool keep_beginning(std::vector<TokenId>& ids, std::vector<bool>& trained, std::size_t ids_max) {
  if (ids.size() <= ids_max) {
    return false;
  }
  ids.resize(ids_max);
  trained.resize(ids_max);
  return true;
}

}  // namespace luthier::text
