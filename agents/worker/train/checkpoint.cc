#include "agents/worker/train/checkpoint.h"

#include <mutex>
#include <utility>

#include "base/file.h"

namespace luthier::worker {
namespace {

constexpr int kStateVersion = 1;
constexpr const char* kGeneratorName = "generator.cpu";
constexpr const char* kMasterSuffix = ".master";

at::Tensor generator_state() {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  return generator.get_state();
}

void set_generator_state(const at::Tensor& state) {
  at::Generator generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_state(state);
}

bool keeps_masters(const Llama& model) { return !model.has_adapter() && model.dtype() != at::kFloat; }

Result<void> copy_if_present(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code ignored;
  if (!std::filesystem::exists(from, ignored)) {
    return {};
  }
  LUTHIER_TRY(const std::string content, read_file(from));
  return write_file_atomically(to, content);
}

// With its chat templates.
Result<void> copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& folder) {
  for (const char* name :
       {"tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "chat_template.jinja"}) {
    LUTHIER_TRY_VOID(copy_if_present(from / name, folder / name));
  }
  const std::filesystem::path named = "additional_chat_templates/tool_use.jinja";
  std::error_code ignored;
  if (std::filesystem::exists(from / named, ignored)) {
    LUTHIER_TRY_VOID(create_folders(folder / named.parent_path()));
    LUTHIER_TRY_VOID(copy_if_present(from / named, folder / named));
  }
  return {};
}

Result<void> save_model(const Llama& model, const WeightsContext& context, const std::filesystem::path& folder) {
  NamedTensors weights = model.weights();
  for (auto& [name, tensor] : weights) {
    tensor = tensor.detach().to(model.dtype());
  }
  LUTHIER_TRY_VOID(save_tensors(folder / "model.safetensors", weights));
  LUTHIER_TRY_VOID(
      write_file_atomically(folder / "config.json", config_text(model.config(), dtype_text(model.dtype()))));
  LUTHIER_TRY_VOID(copy_tokenizer(context.tokenizer_folder, folder));
  LUTHIER_TRY_VOID(
      copy_if_present(context.tokenizer_folder / "generation_config.json", folder / "generation_config.json"));
  std::error_code ignored;
  if (!std::filesystem::exists(folder / "generation_config.json", ignored)) {
    Json generation = {{"do_sample", false}};
    for (const char* name : {"eos_token_id", "bos_token_id", "pad_token_id"}) {
      if (model.config().source.contains(name)) {
        generation[name] = model.config().source[name];
      }
    }
    LUTHIER_TRY_VOID(write_file_atomically(folder / "generation_config.json", generation.dump(2) + "\n"));
  }
  return {};
}

Json state_json(const TrainerState& state, const TrainingFacts& facts) {
  return {
      {"version", kStateVersion},
      {"step", state.step},
      {"total_steps", facts.total_steps},
      {"data_cursor", {{"epoch", state.epoch}, {"batch", state.batch_in_epoch}}},
      {"data_fingerprint", facts.data_fingerprint},
      {"elapsed_tokens", state.elapsed_tokens},
      {"elapsed_examples", state.elapsed_examples},
      {"loss_total", state.loss_total},
      {"metrics", state.metrics},
      {"settings", facts.settings},
      {"generator", std::string("optimizer.safetensors: ") + kGeneratorName},
      {"hardware", {{"threads", facts.threads}, {"cpu_capability", facts.cpu_capability}, {"device", facts.device}}}};
}

Error damaged(const std::string& what) { return {ErrorCode::kDataLoss, "trainer_state.json: " + what}; }

Result<TrainerState> parse_state(const Json& json) {
  TrainerState state;
  try {
    state.step = json.at("step").get<std::int64_t>();
    state.epoch = json.at("data_cursor").at("epoch").get<std::int64_t>();
    state.batch_in_epoch = json.at("data_cursor").at("batch").get<std::int64_t>();
    state.elapsed_tokens = json.at("elapsed_tokens").get<std::int64_t>();
    state.elapsed_examples = json.at("elapsed_examples").get<std::int64_t>();
    state.loss_total = json.at("loss_total").get<double>();
    state.metrics = json.at("metrics").get<Metrics>();
  } catch (const Json::exception& exception) {
    return damaged(exception.what());
  }
  if (state.step < 0 || state.epoch < 0 || state.batch_in_epoch < 0) {
    return damaged("a counter is negative");
  }
  return state;
}

Result<std::string> check_facts(const Json& json, const TrainingFacts& facts) {
  if (json.value("version", 0) != kStateVersion) {
    return damaged("its version is not " + std::to_string(kStateVersion));
  }
  if (json.value("data_fingerprint", "") != facts.data_fingerprint) {
    return Error{ErrorCode::kInvalidArgument, "the checkpoint was made with other training data: start afresh"};
  }
  if (json.value("settings", Json()) != facts.settings || json.value("total_steps", -1) != facts.total_steps) {
    return Error{ErrorCode::kInvalidArgument, "the checkpoint was made with other settings: start afresh"};
  }
  const Json& hardware = json.value("hardware", Json::object());
  std::string note;
  const auto compare = [&](const char* name, const Json& now) {
    const Json then = hardware.value(name, Json());
    if (then != now) {
      note += (note.empty() ? "" : ", ") + std::string(name) + " was " + then.dump() + " and is " + now.dump();
    }
  };
  compare("threads", facts.threads);
  compare("cpu_capability", facts.cpu_capability);
  compare("device", facts.device);
  return note;
}

Result<void> load_weights(const std::filesystem::path& folder, const NamedTensors& saved, Llama& model) {
  if (model.has_adapter()) {
    LUTHIER_TRY(const NamedTensors values, load_tensors(folder / "adapter" / "adapter_model.safetensors",
                                                        adapter_weight_specs(model.adapter(), model.config())));
    model.assign_adapter_weights(values);
    return {};
  }
  LUTHIER_TRY(NamedTensors values, load_model_weights(folder / "model", model.config(), at::kFloat));
  if (keeps_masters(model)) {
    for (auto& [name, tensor] : values) {
      const auto master = saved.find(name + kMasterSuffix);
      if (master == saved.end() || master->second.sizes() != tensor.sizes()) {
        return Error{ErrorCode::kDataLoss, "optimizer.safetensors: tensor '" + name + kMasterSuffix + "' is missing"};
      }
      tensor = master->second;
    }
  }
  model.assign_weights(values);
  return {};
}

}  // namespace

Result<void> save_weights(const Llama& model, const WeightsContext& context, const std::filesystem::path& folder) {
  LUTHIER_TRY_VOID(create_folders(folder));
  if (model.has_adapter()) {
    LUTHIER_TRY_VOID(save_tensors(folder / "adapter_model.safetensors", model.adapter_weights()));
    LUTHIER_TRY_VOID(write_file_atomically(folder / "adapter_config.json", adapter_config_text(model.adapter())));
  } else {
    LUTHIER_TRY_VOID(save_model(model, context, folder));
  }
  if (!context.chat_template.empty()) {  // with the tokenizer, so that other programs find both in one folder
    LUTHIER_TRY_VOID(copy_tokenizer(context.tokenizer_folder, folder));
    LUTHIER_TRY_VOID(write_file_atomically(folder / "chat_template.jinja", context.chat_template));
  }
  LUTHIER_TRY_VOID(write_model_extras(folder / "luthier.json", context.extras));
  return sync_folder(folder);
}

Result<void> save_checkpoint(const Llama& model, const Adamw& optimizer, const TrainerState& state,
                             const TrainingFacts& facts, const WeightsContext& context,
                             const std::filesystem::path& folder) {
  const std::filesystem::path partial = folder.string() + ".partial";
  std::error_code error;
  std::filesystem::remove_all(partial, error);
  std::filesystem::remove_all(folder, error);
  LUTHIER_TRY_VOID(create_folders(partial));
  LUTHIER_TRY_VOID(save_weights(model, context, partial / (model.has_adapter() ? "adapter" : "model")));
  NamedTensors tensors = optimizer.state();
  tensors[kGeneratorName] = generator_state();
  if (keeps_masters(model)) {
    for (const auto& [name, tensor] : model.weights()) {
      tensors[name + kMasterSuffix] = tensor;
    }
  }
  LUTHIER_TRY_VOID(save_tensors(partial / "optimizer.safetensors", tensors));
  LUTHIER_TRY_VOID(write_file_atomically(partial / "trainer_state.json", state_json(state, facts).dump(2) + "\n"));
  std::filesystem::rename(partial, folder, error);
  if (error) {
    return Error{ErrorCode::kInternal, "renaming " + partial.string() + ": " + error.message()};
  }
  return sync_folder(folder.parent_path());
}

Result<Resumed> load_checkpoint(const std::filesystem::path& folder, const TrainingFacts& facts, Llama& model,
                                Adamw& optimizer) {
  LUTHIER_TRY(const std::string text, read_file(folder / "trainer_state.json", std::uint64_t{16} << 20));
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return damaged("not a JSON object");
  }
  Resumed resumed;
  LUTHIER_TRY(resumed.note, check_facts(json, facts));
  LUTHIER_TRY(resumed.state, parse_state(json));
  LUTHIER_TRY(const NamedTensors saved, load_all_tensors(folder / "optimizer.safetensors"));
  LUTHIER_TRY_VOID(load_weights(folder, saved, model));
  LUTHIER_TRY_VOID(optimizer.restore(saved));
  const auto generator = saved.find(kGeneratorName);
  if (generator == saved.end() || generator->second.scalar_type() != at::kByte) {
    return Error{ErrorCode::kDataLoss, "optimizer.safetensors: the random generator's state is missing"};
  }
  set_generator_state(generator->second);
  return resumed;
}

}  // namespace luthier::worker
