#include "agents/worker/train/options.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "pipelines/worker_protocol/automatic.h"

namespace luthier::worker {
namespace {

Error bad(const std::string& what) { return {ErrorCode::kInvalidArgument, what}; }

using Setter = std::function<Result<void>(const Json&)>;

template <class T>
Setter whole(T& slot, std::int64_t least, std::int64_t most = std::int64_t{1} << 40) {
  return [&slot, least, most](const Json& value) -> Result<void> {
    if (!value.is_number_integer() || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) {
      return bad("must be a whole number of at least " + std::to_string(least) + ", not " + value.dump());
    }
    if constexpr (std::is_same_v<T, std::uint64_t>) {
      slot = value.get<std::uint64_t>();
    } else {
      slot = value.get<std::int64_t>();
    }
    return {};
  };
}

Setter real(double& slot, double least, double most, bool least_allowed = true) {
  return [&slot, least, most, least_allowed](const Json& value) -> Result<void> {
    const double number = value.is_number() ? value.get<double>() : std::nan("");
    if (!(number >= least && number <= most) || (!least_allowed && number == least)) {
      return bad("must be a number " + std::string(least_allowed ? "from " : "above ") + Json(least).dump() + " to " +
                 Json(most).dump() + ", not " + value.dump());
    }
    slot = number;
    return {};
  };
}

Setter decay(Decay& slot) {
  return [&slot](const Json& value) -> Result<void> {
    static const std::map<std::string, Decay> names{
        {"constant", Decay::kConstant}, {"linear", Decay::kLinear}, {"cosine", Decay::kCosine}};
    const auto found = value.is_string() ? names.find(value.get<std::string>()) : names.end();
    if (found == names.end()) {
      return bad("must be \"constant\", \"linear\" or \"cosine\", not " + value.dump());
    }
    slot = found->second;
    return {};
  };
}

Result<void> read_members(const Json& json, const std::string& where, const std::map<std::string, Setter>& known) {
  if (!json.is_object()) {
    return bad(where + " must be an object");
  }
  for (const auto& [key, value] : json.items()) {
    const auto setter = known.find(key);
    if (setter == known.end()) {
      std::string names;
      for (const auto& [name, ignored] : known) {
        names += (names.empty() ? "" : ", ") + name;
      }
      return bad(where + ": unknown key '" + key + "' (known: " + names + ")");
    }
    if (value.is_null() || value == "auto") {
      continue;
    }
    auto read = setter->second(value);
    if (!read) {
      return std::move(read).error().with(where + "." + key);
    }
  }
  return {};
}

const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Result<void> read_method(const Json& with, TrainOptions& options) {
  const std::map<std::string, Setter> known{
      {"n_epochs", whole(options.n_epochs, 1)},
      {"max_steps", whole(options.max_steps, 1)},
      {"batch_size", whole(options.batch_size, 1, 1 << 20)},
      {"learning_rate", real(options.learning_rate, 0, 10, false)},
      {"learning_rate_multiplier", real(options.learning_rate_multiplier, 0, 1'000, false)},
      {"seed", whole(options.seed, 0)},
      {"warmup_ratio", real(options.warmup_ratio, 0, 1)},
      {"lr_schedule", decay(options.decay)},
      {"weight_decay", real(options.weight_decay, 0, 10)},
      {"adam_beta2", real(options.adam_beta2, 0.5, 0.99999)},
      {"max_grad_norm", real(options.max_grad_norm, 0, 1e9)},
      {"max_tokens", whole(options.max_tokens, 2)},
      {"validate_every_steps", whole(options.validate_every_steps, 0)},
  };
  const Json* method = find(with, "method");
  if (method == nullptr) {
    return {};
  }
  if (!method->is_object()) {
    return bad("method must be an object with one member: supervised or pretrain");
  }
  const char* name = options.method == Method::kPretrain ? "pretrain" : "supervised";
  for (const auto& [key, value] : method->items()) {
    if (key != name && !(key == "type" && value == name)) {
      return bad("method: '" + key + "' is not supported (supervised and pretrain are, one of them)");
    }
  }
  const Json* members = find(*method, name);
  if (members == nullptr) {
    return {};
  }
  if (members->is_object() && members->value("n_epochs", Json()) == "auto") {
    options.n_epochs.reset();
  }
  return read_members(*members, std::string("method.") + name, known);
}

}  // namespace

Result<TrainOptions> parse_train_options(const Json& with, bool full, bool fresh) {
  TrainOptions options;
  const Json* method = find(with, "method");
  const bool pretrain = method != nullptr && method->is_object() &&
                        (method->contains("pretrain") || method->value("type", Json()) == "pretrain");
  options.learning_rate = fresh ? 1e-3 : full ? 5e-5 : 2e-4;
  if (pretrain) {
    options.method = Method::kPretrain;
    options.n_epochs = worker_protocol::default_epochs(true);
    options.decay = Decay::kCosine;
    options.weight_decay = 0.1;
    options.adam_beta2 = 0.95;
  }
  LUTHIER_TRY_VOID(read_method(with, options));
  options.learning_rate *= options.learning_rate_multiplier;
  if (const Json* checkpoints = find(with, "checkpoints")) {
    LUTHIER_TRY_VOID(read_members(*checkpoints, "checkpoints",
                                  {{"every_steps", whole(options.checkpoint_every_steps, 1)},
                                   {"every_epochs", whole(options.checkpoint_every_epochs, 0)}}));
  }
  if (const Json* dtype = find(with, "dtype"); dtype != nullptr && *dtype != "auto") {
    if (!dtype->is_string()) {
      return bad("dtype must be \"float32\" or \"bfloat16\"");
    }
    options.dtype = dtype->get<std::string>();
  }
  return options;
}

std::int64_t default_batch_size(std::int64_t example_count) {
  return worker_protocol::automatic_batch_size(example_count);
}

std::int64_t automatic_epochs(Method method, std::int64_t example_count) {
  return worker_protocol::automatic_epochs(method == Method::kPretrain, example_count);
}

double learning_rate_at(const TrainOptions& options, std::int64_t step, std::int64_t total_steps) {
  const auto warmup = static_cast<std::int64_t>(std::ceil(options.warmup_ratio * static_cast<double>(total_steps)));
  if (step <= warmup) {
    return options.learning_rate * static_cast<double>(step) / static_cast<double>(warmup);
  }
  const double progress =
      static_cast<double>(step - 1 - warmup) / static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup));
  switch (options.decay) {
    case Decay::kConstant: return options.learning_rate;
    case Decay::kLinear: return options.learning_rate * (1 - progress);
    case Decay::kCosine: return options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }
  return options.learning_rate;
}

Json settings_json(const TrainOptions& o) {
  return {{"method", o.method == Method::kPretrain ? "pretrain" : "supervised"},
          {"n_epochs", o.n_epochs.value_or(0)},
          {"max_steps", o.max_steps.value_or(0)},
          {"batch_size", o.batch_size.value_or(0)},
          {"learning_rate", o.learning_rate},
          {"seed", o.seed},
          {"warmup_ratio", o.warmup_ratio},
          {"decay", static_cast<int>(o.decay)},
          {"weight_decay", o.weight_decay},
          {"adam_beta2", o.adam_beta2},
          {"max_grad_norm", o.max_grad_norm},
          {"max_tokens", o.max_tokens.value_or(0)},
          {"dtype", o.dtype}};
}

}  // namespace luthier::worker
