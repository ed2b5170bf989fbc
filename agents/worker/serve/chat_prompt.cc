#include "agents/worker/serve/chat_prompt.h"

#include <utility>

#include "pipelines/text/chat/answer_frame.h"

namespace luthier::worker {

bool is_asked_by_template(const ModelExtras& extras) {
  return extras.task == "chat" ||
         (extras.prompt_suffix.empty() && extras.task != "classification" && extras.task != "generation");
}

ChatPrompt::ChatPrompt(ChatFormat format, const text::Tokenizer& tokenizer) : format_(std::move(format)) {
  text::AnswerFrame frame = text::answer_frame(format_.chat_template);
  opening_ = std::move(frame.opening);
  if (frame.ending.empty()) {
    return;
  }
  const auto ids = tokenizer.encode(frame.ending);
  if (ids && !ids->empty() && tokenizer.is_special(ids->front())) {
    ends_.push_back(ids->front());
  } else {
    stops_.push_back(std::move(frame.ending));
  }
}

Result<std::string> ChatPrompt::text_of(const text::ChatJson& chat, const std::tm& date) const {
  LUTHIER_TRY_VOID(check_only_text(chat));
  LUTHIER_TRY(text::RenderedChat rendered,
              format_.chat_template.render(chat, {.add_generation_prompt = true, .date = date, .find_spans = false}));
  return std::move(rendered.text);
}

Result<std::vector<TokenId>> ChatPrompt::ids_of(text::Encoder& encoder, const std::string& text) {
  std::vector<TokenId> ids;
  LUTHIER_TRY_VOID(encoder.encode(text, {}, ids));
  return ids;
}

}  // namespace luthier::worker
