#include "agents/worker/serve/model_answerer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "agents/worker/error_report.h"
#include "agents/worker/serve/stop_text.h"

namespace luthier::worker {
namespace {

class ModelAnswer final : public Answer {
 public:
  ModelAnswer(const LoadedModel& model, std::vector<TokenId> prompt, const GenerateRequest& request,
              std::vector<std::string> stops)
      : model_(model),
        prompt_(std::move(prompt)),
        tokens_max_(std::min(request.max_tokens,
                             model.model.config().max_position_embeddings - static_cast<std::int64_t>(prompt_.size()))),
        sampler_(request.sampling),
        decoder_(model.tokenizer, /*skip_special_tokens=*/true),
        stop_(std::move(stops)),
        dropped_prefix_(request.apply_template ? model.extras.completion_prefix : ""),
        cache_(model.model.config().num_hidden_layers) {}

  Result<Piece> next() override {
    std::int64_t token = 0;
    try {
      token = choose();
    } catch (...) {
      return error_of_current_exception();
    }
    if (is_end(token)) {
      return Piece{without_prefix(stop_.push(decoder_.finish()) + stop_.finish(), true), "stop"};
    }
    last_ = static_cast<TokenId>(token);
    ++made_;
    std::string text = stop_.push(decoder_.push(last_));
    if (stop_.stopped()) {
      return Piece{without_prefix(std::move(text), true), "stop"};
    }
    if (made_ == tokens_max_) {
      text += stop_.push(decoder_.finish());
      text += stop_.finish();
      return Piece{without_prefix(std::move(text), true), "length"};
    }
    return Piece{without_prefix(std::move(text), false), std::nullopt};
  }

  [[nodiscard]] Usage usage() const override { return {static_cast<std::int64_t>(prompt_.size()), made_}; }

 private:
  std::int64_t choose() {
    const at::NoGradGuard no_grad;
    const std::vector<TokenId> one{last_};
    const std::vector<TokenId>& ids = made_ == 0 ? prompt_ : one;
    const at::Tensor tokens =
        at::tensor(std::vector<std::int64_t>(ids.begin(), ids.end()), at::kLong).unsqueeze(0).to(model_.model.device());
    const at::Tensor hidden = model_.model.hidden_states(tokens, cache_);
    const at::Tensor row = hidden.select(1, hidden.size(1) - 1);
    const at::Tensor logits = model_.model.logits(row).to(at::kCPU).contiguous();
    return sampler_.choose({logits.const_data_ptr<float>(), static_cast<std::size_t>(logits.numel())});
  }

  [[nodiscard]] bool is_end(std::int64_t token) const {
    const auto& ends = model_.model.config().eos_token_ids;
    return token == model_.eos || std::find(ends.begin(), ends.end(), token) != ends.end();
  }

  // Takes what training put before every completion off the beginning of the answer.
  std::string without_prefix(std::string text, bool last) {
    if (dropped_prefix_.empty()) {
      return text;
    }
    beginning_ += text;
    const std::size_t seen = std::min(beginning_.size(), dropped_prefix_.size());
    const bool alike = beginning_.compare(0, seen, dropped_prefix_, 0, seen) == 0;
    if (alike && seen < dropped_prefix_.size() && !last) {
      return {};
    }
    const bool whole = alike && seen == dropped_prefix_.size();
    dropped_prefix_.clear();
    return std::exchange(beginning_, {}).substr(whole ? seen : 0);
  }

  const LoadedModel& model_;
  const std::vector<TokenId> prompt_;
  const std::int64_t tokens_max_;
  Sampler sampler_;
  text::StreamDecoder decoder_;
  StopText stop_;
  std::string dropped_prefix_;  // empty once the beginning has been looked at
  std::string beginning_;
  KeyValueCache cache_;
  TokenId last_ = 0;
  std::int64_t made_ = 0;
};

}  // namespace

Result<std::unique_ptr<Answer>> ModelAnswerer::start(const GenerateRequest& request) {
  std::vector<std::string> stops = request.stop;
  std::string prompt = request.prompt;
  if (request.apply_template) {
    if (!prompt.ends_with(model_.extras.prompt_suffix)) {  // some write it themselves
      prompt += model_.extras.prompt_suffix;
    }
    stops.insert(stops.end(), model_.extras.stop.begin(), model_.extras.stop.end());
  }
  LUTHIER_TRY(std::vector<TokenId> ids, prompt_ids(encoder_, model_.tokenizer, prompt));
  if (ids.empty()) {
    return Error{ErrorCode::kInvalidArgument, "the prompt is empty"};
  }
  const std::int64_t context = model_.model.config().max_position_embeddings;
  if (static_cast<std::int64_t>(ids.size()) >= context) {
    return Error{ErrorCode::kResourceExhausted, "the prompt has " + std::to_string(ids.size()) +
                                                    " tokens; this model's context is " + std::to_string(context)};
  }
  return std::unique_ptr<Answer>(std::make_unique<ModelAnswer>(model_, std::move(ids), request, std::move(stops)));
}

Result<WholeAnswer> answer_whole(Answerer& answerer, const GenerateRequest& request) {
  LUTHIER_TRY(const auto answer, answerer.start(request));
  WholeAnswer whole;
  while (whole.finish_reason.empty()) {
    LUTHIER_TRY(const Answer::Piece piece, answer->next());
    whole.text += piece.text;
    whole.finish_reason = piece.finish_reason.value_or("");
  }
  return whole;
}

}  // namespace luthier::worker
