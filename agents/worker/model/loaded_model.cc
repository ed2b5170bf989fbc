#include "agents/worker/model/loaded_model.h"

#include <utility>

namespace luthier::worker {

Result<TokenId> end_of_sequence(const text::Tokenizer& tokenizer, const ModelConfig* config) {
  if (tokenizer.eos().has_value()) {
    return *tokenizer.eos();
  }
  if (config != nullptr && !config->eos_token_ids.empty()) {
    return static_cast<TokenId>(config->eos_token_ids.front());
  }
  return Error{ErrorCode::kInvalidArgument,
               "neither tokenizer_config.json nor config.json names an end-of-sequence token (eos_token)"};
}

Result<void> check_vocabulary(const text::Tokenizer& tokenizer, const ModelConfig& config) {
  if (static_cast<std::int64_t>(tokenizer.vocab_size()) > config.vocab_size) {
    return Error{ErrorCode::kInvalidArgument, "the tokenizer has " + std::to_string(tokenizer.vocab_size()) +
                                                  " tokens, the model only " + std::to_string(config.vocab_size) +
                                                  ": they do not belong together"};
  }
  return {};
}

Result<LoadedModel> load_model(const ModelValue& value, at::ScalarType dtype, at::Device device) {
  LUTHIER_TRY(auto tokenizer, text::Tokenizer::load(value.base));
  LUTHIER_TRY(Llama model, Llama::load(value.base, dtype, device));
  LUTHIER_TRY_VOID(check_vocabulary(tokenizer, model.config()));
  LUTHIER_TRY(const TokenId eos, end_of_sequence(tokenizer, &model.config()));
  if (value.adapter.has_value()) {
    LUTHIER_TRY_VOID(model.load_adapter(*value.adapter));
  }
  LUTHIER_TRY(ModelExtras extras, read_model_extras(value.adapter.value_or(value.base) / "luthier.json"));
  LoadedModel loaded{
      std::move(model), std::move(tokenizer), std::move(extras), eos, {value.base, value.adapter}, std::nullopt, ""};
  auto format = find_chat_format(loaded.chat_folders);
  if (format) {
    loaded.chat.emplace(std::move(*format), loaded.tokenizer);
  } else if (format.error().code != ErrorCode::kNotFound) {  // prompts can be asked nevertheless
    loaded.chat_problem = format.error().message;
  }
  return loaded;
}

}  // namespace luthier::worker
