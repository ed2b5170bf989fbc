#include "pipelines/data/count/report.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <sstream>

namespace luthier::data::count {
namespace {

using Json = nlohmann::ordered_json;

Json to_json(const Distribution& values) {
  return {{"min", values.least},     {"max", values.most}, {"mean", values.mean},
          {"median", values.median}, {"p5", values.p5},    {"p95", values.p95}};
}

// As the notebook prints it: the shortest digits that give the same number.
std::string number(double value) { return Json(value).dump(); }

void print(std::ostringstream& out, const char* name, const Distribution& values) {
  out << "\n"
      << name << "\n  min / max      " << values.least << ", " << values.most << "\n  mean / median  "
      << number(values.mean) << ", " << number(values.median) << "\n  p5 / p95       " << number(values.p5) << ", "
      << number(values.p95) << "\n";
}

std::string money(double value, const std::string& currency) {
  std::array<char, 64> digits{};
  (void)std::snprintf(digits.data(), digits.size(), value > 0 && value < 0.01 ? "%.6f" : "%.2f", value);
  return currency == "USD" ? "$" + std::string(digits.data()) : std::string(digits.data()) + " " + currency;
}

std::string fixed(double value) {
  std::array<char, 64> digits{};
  (void)std::snprintf(digits.data(), digits.size(), value < 1 ? "%.4f" : "%.2f", value);
  return digits.data();
}

std::string speed_text(double tokens_per_second) {
  std::array<char, 64> digits{};
  (void)std::snprintf(digits.data(), digits.size(), tokens_per_second < 100 ? "%.2f" : "%.0f", tokens_per_second);
  return digits.data();
}

}  // namespace

Estimate estimate(const Counts& counts, const EstimateOptions& options) {
  Estimate result;
  result.default_epochs = !options.epochs.has_value();
  result.epochs = options.epochs.value_or(default_epochs(counts.examples));
  result.trained_tokens = counts.billed * result.epochs;
  result.prices = options.prices;
  result.currency = options.currency;
  if (options.prices.has_value()) {
    result.training_price = price_of(result.trained_tokens, options.prices->training);
    if (options.prices->input.has_value() && options.prices->output.has_value()) {
      result.asking_price = price_of(counts.tokens - counts.trained, *options.prices->input) +
                            price_of(counts.trained, *options.prices->output);
    }
  }
  if (options.tokens_per_second.has_value()) {
    result.tokens_per_second = options.tokens_per_second;
    result.speed_source = options.speed_source;
    result.gpus = options.gpus;
    result.gpu_hours = gpu_hours(result.trained_tokens, *options.tokens_per_second, std::max(1, options.gpus));
  }
  return result;
}

Json to_json(const Counts& counts, const Estimate& estimate) {
  Json json = {{"file", counts.file},
               {"format", counts.format},
               {"kinds", counts.kinds},
               {"examples", counts.examples},
               {"rule", tokens::name_of(counts.rule)},
               {"skipped", {{"records", counts.skipped_records}, {"first", counts.skipped}}},
               {"tokens", counts.tokens},
               {"answer_tokens", counts.trained}};
  if (counts.chat) {
    json["missing_system"] = counts.missing_system;
    json["missing_user"] = counts.missing_user;
  }
  json["images"] = {
      {"count", counts.images}, {"tokens", counts.image_tokens}, {"of_unknown_size", counts.images_of_unknown_size}};
  Json& distributions = json["distributions"] = Json::object();
  if (counts.messages_per_example.has_value()) {
    distributions["messages_per_example"] = to_json(*counts.messages_per_example);
  }
  distributions["tokens_per_example"] = to_json(counts.tokens_per_example);
  distributions["answer_tokens_per_example"] = to_json(counts.trained_per_example);
  json["training_context"] = counts.training_context;
  json["truncated"] = {{"examples", counts.truncated}, {"tokens", counts.cut_tokens}};
  json["context"] = counts.context.has_value() ? Json(*counts.context) : Json();
  json["longer_than_context"] = counts.longer_than_context;
  json["billed_tokens"] = counts.billed;
  json["epochs"] = estimate.epochs;
  json["trained_tokens"] = estimate.trained_tokens;
  json["cost"] =
      estimate.prices.has_value()
          ? Json{{"currency", estimate.currency},
                 {"training_per_million", estimate.prices->training},
                 {"training", estimate.training_price},
                 {"asking_each_once", estimate.asking_price.has_value() ? Json(*estimate.asking_price) : Json()}}
          : Json();
  const bool measured_on_gpus = estimate.gpu_hours.has_value() && estimate.gpus > 0;
  json["gpu_hours"] = measured_on_gpus ? Json(*estimate.gpu_hours) : Json();
  json["speed"] = estimate.tokens_per_second.has_value()
                      ? Json{{"tokens_per_second", *estimate.tokens_per_second},
                             {"gpus", estimate.gpus},
                             {"from", estimate.speed_source},
                             {"hours", *estimate.gpu_hours / std::max(1, estimate.gpus)}}
                      : Json();
  return json;
}

std::string to_text(const Counts& counts, const Estimate& estimate) {
  std::ostringstream out;
  out << counts.file << ": " << counts.examples << " examples";
  for (const auto& [kind, examples] : counts.kinds) {
    out << (&kind == &counts.kinds.begin()->first ? " (" : ", ") << kind << " " << examples;
  }
  out << ")\n  tokens " << counts.tokens << ", of answers " << counts.trained << "\n  counted "
      << tokens::meaning_of(counts.rule) << "\n";
  if (counts.chat) {
    out << "  without a system message " << counts.missing_system << ", without a user message " << counts.missing_user
        << "\n";
  }
  if (counts.images > 0) {
    out << "  images " << counts.images << ", tokens of images " << counts.image_tokens;
    if (counts.images_of_unknown_size > 0) {
      out << " (" << counts.images_of_unknown_size << " of unknown size, counted as one tile)";
    }
    out << "\n";
  }
  for (const std::string& reason : counts.skipped) {
    out << "  not counted: " << reason << "\n";
  }
  if (counts.skipped_records > static_cast<std::int64_t>(counts.skipped.size())) {
    out << "  not counted: " << counts.skipped_records - static_cast<std::int64_t>(counts.skipped.size()) << " more\n";
  }
  if (counts.messages_per_example.has_value()) {
    print(out, "Messages per example", *counts.messages_per_example);
  }
  print(out, "Tokens per example", counts.tokens_per_example);
  print(out, "Tokens of answers per example", counts.trained_per_example);
  out << "\nTraining takes at most " << counts.training_context << " tokens of an example: " << counts.truncated
      << " examples are cut, " << counts.cut_tokens << " tokens lost\n";
  if (counts.context.has_value()) {
    out << counts.longer_than_context << " examples are longer than the model's context of " << *counts.context
        << " tokens\n";
  }
  out << counts.billed << " tokens x " << estimate.epochs << (estimate.epochs == 1 ? " epoch" : " epochs")
      << (estimate.default_epochs ? " (the default for so many examples)" : "") << " = " << estimate.trained_tokens
      << " trained tokens\n";
  if (estimate.prices.has_value()) {
    out << "Training costs " << money(estimate.training_price, estimate.currency) << " at "
        << money(estimate.prices->training, estimate.currency) << " a million tokens\n";
  }
  if (estimate.asking_price.has_value()) {
    out << "Asking the model each example once costs " << money(*estimate.asking_price, estimate.currency) << "\n";
  }
  if (estimate.gpu_hours.has_value()) {
    const std::string devices = estimate.gpus == 0   ? ""
                                : estimate.gpus == 1 ? " on 1 GPU"
                                                     : " on " + std::to_string(estimate.gpus) + " GPUs";
    out << "Training takes " << fixed(*estimate.gpu_hours)
        << (estimate.gpus == 0 ? " hours without a GPU" : " GPU-hours") << " at "
        << speed_text(*estimate.tokens_per_second) << " tokens a second" << devices << " (" << estimate.speed_source
        << ")\n";
  }
  return out.str();
}

}  // namespace luthier::data::count
