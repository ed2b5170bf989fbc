#include "agents/worker/serve/model_answerer.h"

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "agents/worker/error_report.h"
#include "agents/worker/serve/stop_text.h"

namespace luthier::worker {

struct ModelAnswerer::Manner {
  std::string opening;        // taken off the answer's beginning
  std::vector<TokenId> ends;  // beside the model's own
  std::vector<std::string> stops;
};

class ModelAnswer final : public Answer {
 public:
  ModelAnswer(const LoadedModel& model, std::vector<TokenId> prompt, const GenerateRequest& request,
              ModelAnswerer::Manner manner)
      : model_(model),
        prompt_(std::move(prompt)),
        tokens_max_(std::min(request.max_tokens,
                             model.model.config().max_position_embeddings - static_cast<std::int64_t>(prompt_.size()))),
        sampler_(request.sampling),
        decoder_(model.tokenizer, /*skip_special_tokens=*/true),
        ends_(std::move(manner.ends)),
        stop_(std::move(manner.stops)),
        dropped_prefix_(std::move(manner.opening)),
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
    return token == model_.eos || std::find(ends.begin(), ends.end(), token) != ends.end() ||
           std::find(ends_.begin(), ends_.end(), token) != ends_.end();
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
  const std::vector<TokenId> ends_;
  StopText stop_;
  std::string dropped_prefix_;  // empty once the beginning has been looked at
  std::string beginning_;
  KeyValueCache cache_;
  TokenId last_ = 0;
  std::int64_t made_ = 0;
};

namespace {

std::tm today() {
  const std::time_t now = std::time(nullptr);
  std::tm date{};
  ::gmtime_r(&now, &date);
  return date;
}

}  // namespace

Result<std::unique_ptr<Answer>> ModelAnswerer::start(const GenerateRequest& request) {
  if (request.apply_template && is_asked_by_template(model_.extras)) {
    if (model_.chat.has_value()) {
      const text::ChatJson asked = {
          {"messages", text::ChatJson::array({{{"role", "user"}, {"content", request.prompt}}})}};
      LUTHIER_TRY(const std::string text, model_.chat->text_of(request.chat.is_null() ? asked : request.chat, today()));
      return start_chat(*model_.chat, text, request);
    }
    if (!model_.chat_problem.empty()) {
      return Error{ErrorCode::kInvalidArgument, "the model's chat template cannot be used: " + model_.chat_problem};
    }
  }
  std::string prompt = request.prompt;
  if (!request.chat.is_null()) {
    LUTHIER_TRY(prompt, joined_messages(request.chat));
  }
  Manner manner{"", {}, request.stop};
  if (request.apply_template) {
    if (!prompt.ends_with(model_.extras.prompt_suffix)) {  // some write it themselves
      prompt += model_.extras.prompt_suffix;
    }
    manner.opening = model_.extras.completion_prefix;
    manner.stops.insert(manner.stops.end(), model_.extras.stop.begin(), model_.extras.stop.end());
  }
  LUTHIER_TRY(std::vector<TokenId> ids, prompt_ids(encoder_, model_.tokenizer, prompt));
  return start(std::move(ids), request, std::move(manner));
}

Result<std::unique_ptr<Answer>> ModelAnswerer::start_chat(const ChatPrompt& chat, const std::string& text,
                                                          const GenerateRequest& request) {
  Manner manner{chat.opening(), chat.ends(), request.stop};
  manner.stops.insert(manner.stops.end(), chat.stops().begin(), chat.stops().end());
  LUTHIER_TRY(std::vector<TokenId> ids, ChatPrompt::ids_of(encoder_, text));
  return start(std::move(ids), request, std::move(manner));
}

Result<std::unique_ptr<Answer>> ModelAnswerer::start(std::vector<TokenId> ids, const GenerateRequest& request,
                                                     Manner manner) {
  if (ids.empty()) {
    return Error{ErrorCode::kInvalidArgument, "the prompt is empty"};
  }
  const std::int64_t context = model_.model.config().max_position_embeddings;
  if (static_cast<std::int64_t>(ids.size()) >= context) {
    return Error{ErrorCode::kResourceExhausted, "the prompt has " + std::to_string(ids.size()) +
                                                    " tokens; this model's context is " + std::to_string(context)};
  }
  return std::unique_ptr<Answer>(std::make_unique<ModelAnswer>(model_, std::move(ids), request, std::move(manner)));
}

Result<WholeAnswer> whole(Answer& answer) {
  WholeAnswer whole;
  while (whole.finish_reason.empty()) {
    LUTHIER_TRY(const Answer::Piece piece, answer.next());
    whole.text += piece.text;
    whole.finish_reason = piece.finish_reason.value_or("");
  }
  return whole;
}

}  // namespace luthier::worker
