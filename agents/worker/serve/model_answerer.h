// Answers from a Llama with a key-value cache per answer. Not thread-safe.
#pragma once

#include <memory>
#include <string>

#include "agents/worker/model/loaded_model.h"
#include "agents/worker/serve/answerer.h"

namespace luthier::worker {

class ModelAnswerer final : public Answerer {
 public:
  // `model` must outlive this and every answer.
  explicit ModelAnswerer(const LoadedModel& model) : model_(model), encoder_(model.tokenizer) {}
  // A conversation (or a prompt, as a user's message, where the template is to be applied) goes by the model's chat
  // template, unless it has none or is_asked_by_template() says no; then its texts are joined.
  [[nodiscard]] Result<std::unique_ptr<Answer>> start(const GenerateRequest& request) override;
  // `text` is of ChatPrompt::text_of().
  [[nodiscard]] Result<std::unique_ptr<Answer>> start_chat(const ChatPrompt& chat, const std::string& text,
                                                           const GenerateRequest& request);

 private:
  struct Manner;  // how an answer begins and ends
  friend class ModelAnswer;
  Result<std::unique_ptr<Answer>> start(std::vector<TokenId> ids, const GenerateRequest& request, Manner manner);

  const LoadedModel& model_;
  text::Encoder encoder_;
};

// The whole answer at once.
struct WholeAnswer {
  std::string text;
  std::string finish_reason;
};
[[nodiscard]] Result<WholeAnswer> whole(Answer& answer);

}  // namespace luthier::worker
