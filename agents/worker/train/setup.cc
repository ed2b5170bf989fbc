#include "agents/worker/train/setup.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "agents/worker/formats/model_value.h"
#include "agents/worker/model/loaded_model.h"
#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::worker {
namespace {

const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

struct Loaded {
  Llama model;
  text::Tokenizer tokenizer;
  std::filesystem::path tokenizer_folder;
  std::optional<std::filesystem::path> adapter_folder;  // that the training goes on with
  TokenId eos = 0;
  Json base_artifact;
};

Result<Loaded> new_model(const Json& init, at::ScalarType dtype, at::Device device) {
  if (!init.is_object() || !init.contains("tokenizer")) {
    return Error{ErrorCode::kInvalidArgument, "init must be an object with a tokenizer"};
  }
  LUTHIER_TRY(auto folder, worker_protocol::artifact_path(init["tokenizer"], "init.tokenizer"));
  LUTHIER_TRY(auto tokenizer, text::Tokenizer::load(folder));
  LUTHIER_TRY(const TokenId eos, end_of_sequence(tokenizer, nullptr));
  LUTHIER_TRY(const ModelConfig config,
              config_of_new_model(init, static_cast<std::int64_t>(tokenizer.vocab_size()), eos));
  const Json seed = init.value("seed", Json(42));
  if (!seed.is_number_integer() || (!seed.is_number_unsigned() && seed.get<std::int64_t>() < 0)) {
    return Error{ErrorCode::kInvalidArgument, "init.seed must be a whole number of at least 0"};
  }
  return Loaded{Llama::create(config, seed.get<std::uint64_t>(), dtype, device),
                std::move(tokenizer),
                std::move(folder),
                std::nullopt,
                eos,
                Json()};
}

// Goes on with the model's own adapter when it has one, whose shape the job may repeat but not change.
Result<void> attach_adapter(Llama& model, const ModelValue& value, const Json* lora, std::uint64_t seed) {
  if (lora == nullptr && value.adapter.has_value()) {
    return Error{ErrorCode::kInvalidArgument,
                 "the model has an adapter, which full fine-tuning cannot go on with: give `lora`, or merge first"};
  }
  if (lora == nullptr) {
    return {};
  }
  LUTHIER_TRY(AdapterConfig config, parse_lora_options(*lora));
  config.base_model_name =
      value.name.empty() && value.base_artifact.is_object() ? value.base_artifact.value("$artifact", "") : value.name;
  if (!value.adapter.has_value()) {
    model.create_adapter(config, seed);
    return {};
  }
  LUTHIER_TRY_VOID(model.load_adapter(*value.adapter));
  const AdapterConfig& old = model.adapter();
  const auto differs = [&](const char* name, bool equal) { return lora->contains(name) && !equal; };
  if (differs("r", old.r == config.r) || differs("alpha", old.alpha == config.alpha) ||
      differs("target_modules", old.target_modules == config.target_modules)) {
    return Error{ErrorCode::kInvalidArgument,
                 "lora: the model's adapter has r " + std::to_string(old.r) +
                     " and its own alpha and target_modules: leave them out to train it further"};
  }
  model.set_adapter_dropout(config.dropout);
  return {};
}

Result<Loaded> given_model(const Json& json, const Json* lora, std::uint64_t seed, at::ScalarType dtype,
                           at::Device device) {
  LUTHIER_TRY(const ModelValue value, parse_model_value(json, "model"));
  LUTHIER_TRY(auto tokenizer, text::Tokenizer::load(value.base));
  const at::ScalarType kept = lora == nullptr ? at::kFloat : dtype;  // trained weights are float32 masters
  LUTHIER_TRY(Llama model, Llama::load(value.base, dtype, device, kept));
  LUTHIER_TRY_VOID(check_vocabulary(tokenizer, model.config()));
  LUTHIER_TRY(const TokenId eos, end_of_sequence(tokenizer, &model.config()));
  LUTHIER_TRY_VOID(attach_adapter(model, value, lora, seed));
  return Loaded{std::move(model), std::move(tokenizer), value.base, value.adapter, eos, value.base_artifact};
}

Result<Dataset> load_data(const VerbContext& context, const char* name, const Loaded& loaded,
                          const DatasetOptions& options) {
  const Json* value = find(context.job.with, name);
  if (value == nullptr) {
    return Dataset{};
  }
  LUTHIER_TRY(const auto folder, worker_protocol::artifact_path(*value, name));
  LUTHIER_TRY(Dataset data, read_dataset(folder, loaded.tokenizer, options));
  warn_of_losses(context.log, name, data, options);
  return data;
}

struct TrainingData {
  Rows rows;
  bool chats = false;
  std::string added_template;  // as ChatFormat::added_source
};

Result<Rows> open_packed_rows(const std::filesystem::path& folder, const Loaded& loaded,
                              const DatasetOptions& options) {
  LUTHIER_TRY(std::string digest, sha256_digest_of_file(loaded.tokenizer_folder / "tokenizer.json"));
  return Rows::open_pack(folder, {std::move(digest), options.input_length_max,
                                  static_cast<std::size_t>(loaded.model.config().vocab_size)});
}

// Packed rows bring the template that they were made with, where the model does not have it.
Result<TrainingData> load_packed_data(const std::filesystem::path& folder, const Loaded& loaded,
                                      const DatasetOptions& options) {
  TrainingData data;
  LUTHIER_TRY(data.rows, open_packed_rows(folder, loaded, options));
  data.chats = data.rows.has_chats();
  const std::filesystem::path added = folder / "chat_template.jinja";
  std::error_code ignored;
  if (data.chats && std::filesystem::exists(added, ignored)) {
    constexpr std::uint64_t kTemplateBytesMax = std::uint64_t{16} << 20;
    LUTHIER_TRY(data.added_template, read_file(added, kTemplateBytesMax));
  }
  return data;
}

// The examples of packed rows by themselves; they are measured, not trained on, so their rows do not matter.
Result<Dataset> load_validation(const VerbContext& context, const Loaded& loaded, const DatasetOptions& options) {
  const Json* value = find(context.job.with, "validation");
  if (value == nullptr) {
    return Dataset{};
  }
  LUTHIER_TRY(const auto folder, worker_protocol::artifact_path(*value, "validation"));
  if (!pack::Pack::is_in(folder)) {
    return load_data(context, "validation", loaded, options);
  }
  LUTHIER_TRY(const Rows rows, open_packed_rows(folder, loaded, options));
  Dataset data;
  for (std::int64_t row = 0; row < rows.size(); ++row) {
    LUTHIER_TRY(std::vector<Example> examples, rows.read(static_cast<std::size_t>(row)));
    std::move(examples.begin(), examples.end(), std::back_inserter(data.examples));
  }
  return data;
}

Result<TrainingData> load_training_data(const VerbContext& context, const Loaded& loaded,
                                        const DatasetOptions& options) {
  LUTHIER_TRY(const auto folder, worker_protocol::artifact_path(context.job.with["data"], "data"));
  if (pack::Pack::is_in(folder)) {
    return load_packed_data(folder, loaded, options);
  }
  LUTHIER_TRY(Dataset data, load_data(context, "data", loaded, options));
  return TrainingData{Rows(std::move(data.examples)), data.format.has_value(),
                      data.format.has_value() ? data.format->added_source : ""};
}

}  // namespace

Result<TrainSetup> prepare_training(const VerbContext& context, at::Device device) {
  const Json& with = context.job.with;
  const Json* init = find(with, "init");
  const Json* model = find(with, "model");
  const Json* lora = find(with, "lora");
  if ((init == nullptr) == (model == nullptr)) {
    return Error{ErrorCode::kInvalidArgument, "train needs `model`, or `init` for a new one (not both)"};
  }
  if (init != nullptr && lora != nullptr) {
    return Error{ErrorCode::kInvalidArgument, "lora needs a trained model: it cannot go with init"};
  }
  if (find(with, "data") == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "train needs `data` (a dataset)"};
  }
  LUTHIER_TRY(TrainOptions options, parse_train_options(with, lora == nullptr, init != nullptr));
  LUTHIER_TRY(const at::ScalarType dtype, parse_dtype(options.dtype));
  LUTHIER_TRY(Loaded loaded, init != nullptr ? new_model(*init, dtype, device)
                                             : given_model(*model, lora, options.seed, dtype, device));
  loaded.model.make_trainable();

  const std::int64_t positions = loaded.model.config().max_position_embeddings;
  const DatasetOptions dataset_options{std::min(options.max_tokens.value_or(positions), positions),
                                       loaded.eos,
                                       {loaded.tokenizer_folder, loaded.adapter_folder},
                                       /*keep_records=*/false};
  LUTHIER_TRY(TrainingData data, load_training_data(context, loaded, dataset_options));
  LUTHIER_TRY(Dataset validation, load_validation(context, loaded, dataset_options));
  LUTHIER_TRY(const auto data_folder, worker_protocol::artifact_path(with["data"], "data"));
  LUTHIER_TRY(ModelExtras extras, read_model_extras(data_folder / "dataset.json"));
  extras.task = data.chats ? "chat" : extras.task;
  return TrainSetup{std::move(options),
                    std::move(loaded.model),
                    std::move(data.rows),
                    std::move(validation),
                    WeightsContext{loaded.tokenizer_folder, std::move(extras), std::move(data.added_template)},
                    std::move(loaded.base_artifact)};
}

}  // namespace luthier::worker
