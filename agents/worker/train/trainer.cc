#include <chrono>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "agents/worker/device.h"
#include "agents/worker/model/batch.h"
#include "agents/worker/model/scoring.h"
#include "agents/worker/train/batches.h"
#include "agents/worker/train/checkpoint.h"
#include "agents/worker/train/setup.h"
#include "agents/worker/verbs.h"

namespace luthier::worker {
namespace {

using SteadyClock = std::chrono::steady_clock;

double seconds_since(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// One training from its first or resumed step to its last. Runs in one thread.
class Trainer {
 public:
  Trainer(const VerbContext& context, TrainSetup setup)
      : context_(context),
        setup_(std::move(setup)),
        options_(setup_.options),
        model_(setup_.model),
        lengths_(setup_.rows.lengths()),
        optimizer_(model_.has_adapter() ? model_.adapter_weights() : model_.weights(),
                   {.beta2 = options_.adam_beta2, .weight_decay = options_.weight_decay}) {
    batch_size_ = options_.batch_size.value_or(default_batch_size(std::ssize(lengths_)));
    batches_per_epoch_ = (std::ssize(lengths_) + batch_size_ - 1) / batch_size_;
    epochs_ = options_.n_epochs.value_or(automatic_epochs(options_.method, std::ssize(lengths_)));
    total_steps_ = epochs_ * batches_per_epoch_;
    if (options_.max_steps.has_value()) {
      total_steps_ = std::min(total_steps_, *options_.max_steps);
    }
    validate_every_ = options_.validate_every_steps.value_or(std::max<std::int64_t>(1, total_steps_ / 20));
    set_facts();
  }

  Result<Json> run() {
    LUTHIER_TRY_VOID(start());
    load_epoch();
    while (state_.step < total_steps_) {
      if (context_.channel.stop_requested()) {
        LUTHIER_TRY_VOID(checkpoint());
        context_.log.info("training_stopped", {{"step", std::to_string(state_.step)}});
        return Json();
      }
      LUTHIER_TRY_VOID(train_step());
    }
    return finish();
  }

 private:
  void set_facts() {
    char hash[32];
    std::snprintf(hash, sizeof(hash), "%016llx", static_cast<unsigned long long>(setup_.rows.fingerprint()));
    facts_.data_fingerprint = hash;
    facts_.settings = settings_json(options_);
    if (model_.has_adapter()) {
      const AdapterConfig& adapter = model_.adapter();
      facts_.settings["lora"] = {{"r", adapter.r},
                                 {"alpha", adapter.alpha},
                                 {"dropout", adapter.dropout},
                                 {"target_modules", adapter.target_modules}};
    }
    facts_.total_steps = total_steps_;
    facts_.threads = at::get_num_threads();
    facts_.cpu_capability = at::get_cpu_capability();
    facts_.device = model_.device().str();
  }

  Result<void> start() {
    at::Generator generator = at::detail::getDefaultCPUGenerator();
    generator.set_current_seed(options_.seed);
    if (context_.job.resume.has_value()) {
      auto resumed = load_checkpoint(context_.job.resume->path, facts_, model_, optimizer_);
      if (!resumed) {
        return std::move(resumed).error().with("resuming from " + context_.job.resume->path.string());
      }
      state_ = std::move(resumed->state);
      context_.log.info("training_resumed", {{"step", std::to_string(state_.step)}});
      if (!resumed->note.empty()) {
        context_.log.warning("resume_not_bit_identical", {{"because", resumed->note}});
      }
    }
    std::int64_t trainable = 0;
    for (const auto& [name, tensor] : model_.has_adapter() ? model_.adapter_weights() : model_.weights()) {
      trainable += tensor.numel();
    }
    context_.log.info("training_started",
                      {{setup_.rows.is_packed() ? "rows" : "examples", std::to_string(lengths_.size())},
                       {"n_epochs", std::to_string(epochs_)},
                       {"batch_size", std::to_string(batch_size_)},
                       {"learning_rate", std::to_string(options_.learning_rate)},
                       {"steps", std::to_string(total_steps_)},
                       {"trainable_parameters", std::to_string(trainable)},
                       {"threads", std::to_string(facts_.threads)},
                       {"dtype", dtype_text(model_.dtype())},
                       {"device", facts_.device}});
    steps_at_start_ = state_.step;
    tokens_at_start_ = state_.elapsed_tokens;
    started_ = SteadyClock::now();
    return {};
  }

  void load_epoch() {
    const auto size = static_cast<std::size_t>(batch_size_);
    batches_ = setup_.rows.is_packed() ? packed_batches(lengths_.size(), size)
                                       : epoch_batches(lengths_, size, options_.seed, state_.epoch);
  }

  // The examples of some rows, in their order.
  [[nodiscard]] Result<std::vector<Example>> read_rows(const Batch& rows) const {
    std::vector<Example> examples;
    for (const std::size_t row : rows) {
      LUTHIER_TRY(std::vector<Example> read, setup_.rows.read(row));
      std::move(read.begin(), read.end(), std::back_inserter(examples));
    }
    return examples;
  }

  struct Accumulated {
    double loss = 0;
    double accuracy = 0;
    std::int64_t examples = 0;
  };

  // Adds up the gradients of one batch, each token weighing the same.
  Result<Accumulated> accumulate(const Batch& batch) {
    std::vector<std::vector<Example>> parts;
    Accumulated sum;
    std::int64_t supervised = 0;
    for (const Batch& rows : micro_batches(batch, lengths_, tokens_per_pass_max(model_.config()))) {
      LUTHIER_TRY(std::vector<Example> examples, read_rows(rows));
      for (const Example& example : examples) {
        supervised += example.supervised_count();
      }
      sum.examples += std::ssize(examples);
      parts.push_back(std::move(examples));
    }
    const auto weight = static_cast<double>(supervised);
    std::int64_t correct = 0;
    optimizer_.zero_gradients();
    for (const std::vector<Example>& examples : parts) {
      std::vector<const Example*> pointers;
      for (const Example& example : examples) {
        pointers.push_back(&example);
      }
      const TensorBatch tensors =
          setup_.rows.is_packed() ? packed_batch(pointers, model_.device()) : tensor_batch(pointers, model_.device());
      const LossSums sums = loss_sums(supervised_logits(model_, tensors, /*training=*/true), tensors.targets);
      sum.loss += sums.loss.item<double>();
      correct += sums.correct_count;
      (sums.loss / weight).backward();
    }
    sum.loss /= weight;
    sum.accuracy = static_cast<double>(correct) / weight;
    return sum;
  }

  Result<void> train_step() {
    const auto step_started = SteadyClock::now();
    const Batch& batch = batches_[static_cast<std::size_t>(state_.batch_in_epoch)];
    LUTHIER_TRY(const Accumulated sum, accumulate(batch));
    const double loss = sum.loss;
    const double norm = optimizer_.clip_gradients(options_.max_grad_norm);
    const std::int64_t step = state_.step + 1;
    if (!std::isfinite(loss) || !std::isfinite(norm)) {
      return Error{ErrorCode::kFailedPrecondition,
                   "the loss or its gradient stopped being a number at step " + std::to_string(step) +
                       ": lower learning_rate, raise warmup_ratio, or look at the data of this step"};
    }
    const double rate = learning_rate_at(options_, step, total_steps_);
    optimizer_.step(rate);

    std::int64_t tokens = 0;
    for (const std::size_t index : batch) {
      tokens += lengths_[index];
    }
    advance(sum.examples, tokens, loss);
    state_.metrics["train_loss"] = loss;
    state_.metrics["train_mean_token_accuracy"] = sum.accuracy;
    Metrics values = {{"train_loss", loss},
                      {"train_mean_token_accuracy", sum.accuracy},
                      {"learning_rate", rate},
                      {"gradient_norm", norm},
                      {"tokens_per_second", static_cast<double>(tokens) / seconds_since(step_started)},
                      {"elapsed_tokens", static_cast<double>(state_.elapsed_tokens)},
                      {"elapsed_examples", static_cast<double>(state_.elapsed_examples)},
                      {"epoch", static_cast<double>(step) / static_cast<double>(batches_per_epoch_)}};
    return after_step(std::move(values));
  }

  void advance(std::int64_t examples, std::int64_t tokens, double loss) {
    ++state_.step;
    ++state_.batch_in_epoch;
    state_.elapsed_examples += examples;
    state_.elapsed_tokens += tokens;
    state_.loss_total += loss;
  }

  Result<void> after_step(Metrics values) {
    const bool epoch_ended = state_.batch_in_epoch == batches_per_epoch_;
    const bool last = state_.step == total_steps_;
    if (epoch_ended) {
      ++state_.epoch;
      state_.batch_in_epoch = 0;
    }
    if (epoch_ended || last) {
      full_validation(values);
    } else if (validate_every_ > 0 && state_.step % validate_every_ == 0) {
      part_validation(values);
    }
    report(values);
    const bool epoch_due = options_.checkpoint_every_epochs > 0 &&
                           ((epoch_ended && state_.epoch % options_.checkpoint_every_epochs == 0) || last);
    const bool step_due =
        options_.checkpoint_every_steps.has_value() && state_.step % *options_.checkpoint_every_steps == 0;
    if (epoch_due || step_due || context_.channel.take_checkpoint_request()) {
      LUTHIER_TRY_VOID(checkpoint());
    }
    if (epoch_ended && !last) {
      load_epoch();
    }
    return {};
  }

  void report(const Metrics& values) {
    const double elapsed = seconds_since(started_);
    const auto done = static_cast<double>(state_.step - steps_at_start_);
    (void)context_.channel.metric(state_.step, values);
    context_.channel.progress(
        {.done = state_.step,
         .total = total_steps_,
         .unit = "steps",
         .tokens_per_second = static_cast<double>(state_.elapsed_tokens - tokens_at_start_) / elapsed,
         .loss = values.at("train_loss"),
         .eta_seconds = elapsed / done * static_cast<double>(total_steps_ - state_.step)});
  }

  void put_validation(Metrics& values, const std::string& prefix, const std::vector<const Example*>& examples) {
    const Score score = score_examples(model_, examples);
    for (const auto& [name, value] : {std::pair{"loss", score.loss}, {"mean_token_accuracy", score.token_accuracy}}) {
      values[prefix + name] = value;
      state_.metrics[prefix + name] = value;
    }
  }

  void full_validation(Metrics& values) {
    std::vector<const Example*> all;
    for (const Example& example : setup_.validation.examples) {
      all.push_back(&example);
    }
    if (!all.empty()) {
      put_validation(values, "full_valid_", all);
    }
  }

  // The next slice of the validation data, of a batch's size, round and round.
  void part_validation(Metrics& values) {
    const auto& examples = setup_.validation.examples;
    const auto size = static_cast<std::size_t>(std::min<std::int64_t>(batch_size_, std::ssize(examples)));
    const auto turn = static_cast<std::size_t>(state_.step / validate_every_ - 1);
    std::vector<const Example*> part;
    for (std::size_t i = 0; i < size; ++i) {
      part.push_back(&examples[(turn * size + i) % examples.size()]);
    }
    if (!part.empty()) {
      put_validation(values, "valid_", part);
    }
  }

  Result<void> checkpoint() {
    const auto began = SteadyClock::now();
    const std::string path = "checkpoints/step-" + std::to_string(state_.step);
    LUTHIER_TRY_VOID(create_folder_of_checkpoints());
    LUTHIER_TRY_VOID(save_checkpoint(model_, optimizer_, state_, facts_, setup_.weights_context, path));
    context_.log.info(
        "checkpoint_written",
        {{"step", std::to_string(state_.step)}, {"path", path}, {"seconds", std::to_string(seconds_since(began))}});
    (void)context_.channel.checkpoint(state_.step, path, state_.metrics);
    return {};
  }

  static Result<void> create_folder_of_checkpoints() {
    std::error_code error;
    std::filesystem::create_directories("checkpoints", error);
    if (error) {
      return Error{ErrorCode::kInternal, "creating the folder checkpoints: " + error.message()};
    }
    return {};
  }

  Result<Json> finish() {
    const bool adapter = model_.has_adapter();
    const std::string folder = adapter ? "adapter" : "model";
    LUTHIER_TRY_VOID(save_weights(model_, setup_.weights_context, folder));
    const Json written = worker_protocol::artifact_output(folder, folder);
    Json outputs = {
        {"model",
         {{"base", adapter ? setup_.base_artifact : written},
          {"adapter", adapter ? written : Json()},
          {"name", nullptr}}},
        {"hyperparameters",
         {{"n_epochs", epochs_},
          {"batch_size", batch_size_},
          {"learning_rate", options_.learning_rate},
          {"learning_rate_multiplier", options_.learning_rate_multiplier}}},
        {"steps", state_.step},
        {"train_loss", state_.metrics["train_loss"]},
        {"mean_train_loss", state_.loss_total / static_cast<double>(std::max<std::int64_t>(1, state_.step))},
        {"trained_tokens", state_.elapsed_tokens}};
    for (const auto& [name, value] : state_.metrics) {
      outputs[name] = value;
    }
    context_.log.info("training_finished", {{"steps", std::to_string(state_.step)},
                                            {"train_loss", std::to_string(state_.metrics["train_loss"])},
                                            {"seconds", std::to_string(seconds_since(started_))}});
    return outputs;
  }

  const VerbContext& context_;
  TrainSetup setup_;
  const TrainOptions& options_;               // of setup_
  Llama& model_;                              // of setup_
  const std::vector<std::int64_t>& lengths_;  // of the rows of setup_
  Adamw optimizer_;
  std::int64_t batch_size_ = 0;
  std::int64_t epochs_ = 0;
  std::int64_t batches_per_epoch_ = 0;
  std::int64_t total_steps_ = 0;
  std::int64_t validate_every_ = 0;
  TrainingFacts facts_;

  TrainerState state_;
  std::vector<Batch> batches_;  // of state_.epoch
  std::int64_t steps_at_start_ = 0;
  std::int64_t tokens_at_start_ = 0;
  SteadyClock::time_point started_;
};

}  // namespace

Result<Json> run_train(const VerbContext& context) {
  LUTHIER_TRY(const at::Device device, prepare_device(context.job));
  LUTHIER_TRY(TrainSetup setup, prepare_training(context, device));
  return Trainer(context, std::move(setup)).run();
}

}  // namespace luthier::worker
