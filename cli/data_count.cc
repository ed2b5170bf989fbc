#include "cli/data_count.h"

#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "cli/api_client.h"
#include "cli/connection.h"
#include "cli/training_speed.h"
#include "pipelines/data/count/report.h"

namespace luthier::cli {
namespace {

namespace count = data::count;
namespace fs = std::filesystem;

constexpr std::uint64_t kPriceTableBytesMax = 1U << 20;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

// The row of the price table that is asked for; nothing where no table or price is.
Result<std::optional<count::Prices>> find_prices(const GlobalOptions& global, const DataCountOptions& options,
                                                 std::string& currency) {
  if (options.price.has_value()) {
    return std::optional<count::Prices>(count::Prices{.training = *options.price});
  }
  fs::path path = options.prices;
  if (path.empty()) {
    path = data_folder(global, environment) / "prices.json";
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      return std::optional<count::Prices>();
    }
  }
  LUTHIER_TRY(const std::string text, read_file(path, kPriceTableBytesMax));
  const auto table = count::parse_price_table(text);
  if (!table) {
    return wrong(path.string() + ": " + table.error().message);
  }
  currency = table->currency;
  std::string name = options.price_model;
  if (name.empty()) {
    name = fs::path(options.model.model).lexically_normal().filename().string();
    name = name.substr(0, name.find('@'));  // of a model of the controller, without its alias
  }
  const auto found = table->models.find(name);
  if (found != table->models.end()) {
    return std::optional<count::Prices>(found->second);
  }
  if (options.price_model.empty() && options.prices.empty()) {
    return std::optional<count::Prices>();
  }
  std::string known;
  for (const auto& [model, prices] : table->models) {
    known += (known.empty() ? "" : ", ") + model;
  }
  return wrong(path.string() + " has no prices of \"" + name + "\"; name one with --price-model: " + known);
}

struct Plan {
  count::CountOptions count;
  count::EstimateOptions estimate;
};

Result<Plan> make_plan(const GlobalOptions& global, const DataCountOptions& options,
                       const data::tokens::ModelText& model) {
  Plan plan;
  LUTHIER_TRY(plan.count.rule, count_rule_of(options.rule, options.model, options.tokenizer));
  LUTHIER_TRY(plan.count.chat, chat_options_of(options.model));
  plan.count.file = options.file;
  if (!options.format.empty()) {
    plan.count.read.format = data::read::file_format_named(options.format);
  }
  LUTHIER_TRY(plan.estimate.prices, find_prices(global, options, plan.estimate.currency));
  plan.count.training_context = options.training_context;
  plan.count.context = options.context;
  if (plan.estimate.prices.has_value()) {
    if (!plan.count.training_context.has_value()) {
      plan.count.training_context = plan.estimate.prices->training_context;
    }
    if (!plan.count.context.has_value()) {
      plan.count.context = plan.estimate.prices->context;
    }
  }
  plan.count.context = plan.count.context.has_value() ? plan.count.context : model.context;
  plan.count.training_context = plan.count.training_context.has_value() ? plan.count.training_context : model.context;
  plan.estimate.epochs = options.epochs;
  plan.estimate.tokens_per_second = options.tokens_per_second;
  plan.estimate.speed_source = "as given";
  plan.estimate.gpus = options.gpus.value_or(1);
  if (!options.speed_of.empty()) {
    LUTHIER_TRY(ApiClient api, connect(global));
    auto speed = training_speed(api, options.speed_of);
    if (!speed) {
      return std::move(speed).error().with("--speed-of " + options.speed_of);
    }
    plan.estimate.tokens_per_second = speed->tokens_per_second;
    plan.estimate.speed_source = "measured by " + speed->source;
    plan.estimate.gpus = options.gpus.value_or(speed->gpus);
  }
  return plan;
}

}  // namespace

void add_data_count(CLI::App& data, GlobalOptions& global, DataCountOptions& options, std::function<int()>& chosen) {
  CLI::App* count =
      data.add_subcommand("count", "Count the tokens of a data file; say what training on them takes and costs");
  count->add_option("FILE", options.file, ".jsonl .json .csv .tsv .xlsx .txt, also with .gz or .zst")->required();
  count->add_option("--format", options.format, "of FILE, when its name does not say it")
      ->check(CLI::IsMember({"jsonl", "json", "csv", "tsv", "xlsx", "txt"}));
  add_model_text_options(*count, options.model);
  add_count_rule_options(*count, options.tokenizer, options.rule);
  count
      ->add_option("--training-context", options.training_context,
                   "tokens of an example that training takes; the price table's, the model's, or 16385 (2048 of prompt "
                   "and completion)")
      ->check(CLI::Range(1, 100'000'000));
  count->add_option("--context", options.context, "tokens that the model takes when it is asked")
      ->check(CLI::Range(1, 100'000'000));
  count->add_option("--epochs", options.epochs, "passes over the data; by the hosted API's rule without it")
      ->check(CLI::Range(1, 10'000));
  count->add_option("--prices", options.prices, "price table (JSON); DATA/prices.json where there is one")
      ->type_name("FILE");
  count->add_option("--price-model", options.price_model, "whose prices; the name of --model without it")
      ->type_name("NAME");
  count->add_option("--price", options.price, "of a million trained tokens, instead of a table")
      ->check(CLI::Range(0.0, 1e9));
  count->add_option("--tokens-per-second", options.tokens_per_second, "measured speed of training, for GPU-hours")
      ->check(CLI::Range(1e-3, 1e12));
  count
      ->add_option("--speed-of", options.speed_of,
                   "the speed that a training of the controller reported, finished or not, for GPU-hours")
      ->type_name("RUN[/STEP]")
      ->excludes("--tokens-per-second");
  count->add_option("--gpus", options.gpus, "how many make that speed; those of --speed-of, or 1, unless given")
      ->check(CLI::Range(1, 100'000));
  count->add_flag("--each", options.each, "first a line for each example: its line, tokens, tokens of answers");
  count->callback([&] { chosen = [&] { return data_count_command(global, options); }; });
}

int data_count_command(const GlobalOptions& global, const DataCountOptions& options) {
  const auto model = load_model_and_tokenizer(global, options.model, options.tokenizer);
  if (!model) {
    return report(model.error());
  }
  auto plan = make_plan(global, options, *model);
  if (!plan) {
    (void)report(plan.error());
    return kExitUsage;
  }
  nlohmann::ordered_json each = nlohmann::ordered_json::array();
  if (options.each) {
    plan->count.each = [&](std::int64_t line, std::int64_t tokens, std::int64_t answers) {
      if (global.json) {
        each.push_back({{"line", line}, {"tokens", tokens}, {"answer_tokens", answers}});
      } else {
        std::printf("%lld\t%lld\t%lld\n", static_cast<long long>(line), static_cast<long long>(tokens),
                    static_cast<long long>(answers));
      }
    };
  }
  const auto counts = count::count_file(plan->count, *model);
  if (!counts) {
    (void)report(counts.error());
    return counts.error().code == ErrorCode::kInvalidArgument ? kExitFailure : kExitUsage;
  }
  const count::Estimate estimate = count::estimate(*counts, plan->estimate);
  if (global.json) {
    nlohmann::ordered_json json = to_json(*counts, estimate);
    if (options.each) {
      json["each"] = each;
    }
    std::printf("%s\n", json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace).c_str());
  } else {
    std::printf("%s", to_text(*counts, estimate).c_str());
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
