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
  [[nodiscard]] Result<std::unique_ptr<Answer>> start(const GenerateRequest& request) override;

 private:
  const LoadedModel& model_;
  text::Encoder encoder_;
};

// The whole answer at once.
struct WholeAnswer {
  std::string text;
  std::string finish_reason;
};
[[nodiscard]] Result<WholeAnswer> answer_whole(Answerer& answerer, const GenerateRequest& request);

}  // namespace luthier::worker
