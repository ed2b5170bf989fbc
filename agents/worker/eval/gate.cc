#include "agents/worker/eval/gate.h"

#include <cstdio>

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

constexpr const char* kKnownMetrics = " (known: loss, token_accuracy, sequence_accuracy, label_accuracy)";
constexpr std::int64_t kResamplesMin = 100;
constexpr std::int64_t kResamplesMax = 1'000'000;

Error invalid(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

Result<void> read_number(const Json& json, const char* name, double least, double greatest, double& value) {
  const Json given = json.value(name, Json());
  if (given.is_null()) {
    return {};
  }
  if (!given.is_number() || !(given.get<double>() >= least && given.get<double>() <= greatest)) {
    return invalid("gate." + std::string(name) + " must be a number from " + metric_text(least) + " to " +
                   metric_text(greatest));
  }
  value = given.get<double>();
  return {};
}

Result<void> read_integer(const Json& json, const char* name, std::int64_t least, std::int64_t greatest,
                          std::int64_t& value) {
  const Json given = json.value(name, Json());
  if (given.is_null()) {
    return {};
  }
  if (!given.is_number_integer() || given.get<std::int64_t>() < least || given.get<std::int64_t>() > greatest) {
    return invalid("gate." + std::string(name) + " must be a whole number from " + std::to_string(least) + " to " +
                   std::to_string(greatest));
  }
  value = given.get<std::int64_t>();
  return {};
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%g%%", share * 100);
  return text;
}

// The first threshold that is not met, as a sentence; empty when all are.
std::string missed_threshold(const EvalMetrics& metrics, const std::map<std::string, double>& thresholds) {
  for (const auto& [name, bound] : thresholds) {
    const std::optional<double> value = metrics.by_name(name);
    const bool met = value.has_value() && (lower_is_better(name) ? *value <= bound : *value >= bound);
    if (!met) {
      return name + (value.has_value() ? " is " + metric_text(*value) : " was not measured") + ", the threshold is " +
             (lower_is_better(name) ? "at most " : "at least ") + metric_text(bound) + ".";
    }
  }
  return "";
}

std::string metric_of(const Measured& model, const Measured* other, const Gate& gate) {
  if (!gate.metric.empty()) {
    return gate.metric;
  }
  const bool labels =
      model.metrics.label_accuracy.has_value() && (other == nullptr || other->metrics.label_accuracy.has_value());
  return labels ? "label_accuracy" : "loss";
}

std::string sentence(const Comparison& found, const Gate& gate, bool better) {
  std::string text = found.metric + " is " + metric_text(found.model) + " against " + metric_text(found.other) +
                     (found.against == "baseline" ? " of the baseline" : " of the base model") + ", " +
                     (lower_is_better(found.metric) ? "lower by " : "higher by ") + metric_text(found.improvement) +
                     " (" + percent(gate.confidence) + " interval " + metric_text(found.interval.low) + " to " +
                     metric_text(found.interval.high) + ", " + std::to_string(found.examples) + " examples)";
  if (better) {
    return text + ".";
  }
  return text + ", which is not shown to be better" +
         (gate.min_improvement == 0 ? "" : " by more than " + metric_text(gate.min_improvement)) + ".";
}

Result<Comparison> compare(const Measured& model, const Measured& other, const std::string& metric, const Gate& gate) {
  const auto mine = parts_of(model.scores, metric);
  const auto theirs = parts_of(other.scores, metric);
  if (!mine.has_value() || !theirs.has_value()) {
    return invalid(metric + " was not measured of both, so they cannot be compared");
  }
  const BootstrapOptions options{gate.resamples, gate.confidence, gate.seed};
  LUTHIER_TRY(const PairedDifference found, lower_is_better(metric) ? paired_bootstrap(*theirs, *mine, options)
                                                                    : paired_bootstrap(*mine, *theirs, options));
  return Comparison{.against = {},
                    .metric = metric,
                    .model = ratio(*mine),
                    .other = ratio(*theirs),
                    .improvement = found.difference,
                    .interval = found.interval,
                    .examples = mine->size()};
}

}  // namespace

Result<Gate> parse_gate(const Json& json) {
  Gate gate;
  if (json.is_null()) {
    return gate;
  }
  if (!json.is_object()) {
    return invalid("gate must be an object: {metric, confidence, min_improvement, resamples, seed}");
  }
  if (const Json metric = json.value("metric", Json()); !metric.is_null()) {
    if (!metric.is_string() || !is_metric(metric.get<std::string>())) {
      return invalid("gate.metric: unknown metric " + metric.dump() + kKnownMetrics);
    }
    gate.metric = metric.get<std::string>();
  }
  LUTHIER_TRY_VOID(read_number(json, "confidence", 0.5, 0.9999, gate.confidence));
  LUTHIER_TRY_VOID(read_number(json, "min_improvement", -1000, 1000, gate.min_improvement));
  std::int64_t resamples = gate.resamples;
  std::int64_t seed = static_cast<std::int64_t>(gate.seed);
  LUTHIER_TRY_VOID(read_integer(json, "resamples", kResamplesMin, kResamplesMax, resamples));
  LUTHIER_TRY_VOID(read_integer(json, "seed", 0, std::int64_t{1} << 53, seed));
  gate.resamples = static_cast<int>(resamples);
  gate.seed = static_cast<std::uint64_t>(seed);
  return gate;
}

Json to_json(const Comparison& comparison, const Gate& gate) {
  return {{"against", comparison.against},
          {"metric", comparison.metric},
          {"model", comparison.model},
          {"other", comparison.other},
          {"improvement", comparison.improvement},
          {"low", comparison.interval.low},
          {"high", comparison.interval.high},
          {"confidence", gate.confidence},
          {"min_improvement", gate.min_improvement},
          {"resamples", gate.resamples},
          {"seed", gate.seed},
          {"examples", comparison.examples}};
}

Verdict decide(const Measured& model, const std::optional<Measured>& base, const std::optional<Measured>& baseline,
               const std::map<std::string, double>& thresholds, const Gate& gate) {
  const bool against_base = !baseline.has_value() && thresholds.empty() && base.has_value();
  const Measured* other = baseline.has_value() ? &*baseline : against_base ? &*base : nullptr;
  Verdict verdict{.better = false, .metric = metric_of(model, other, gate), .reason = {}, .comparison = {}};
  if (other != nullptr) {
    Result<Comparison> found = compare(model, *other, verdict.metric, gate);
    if (!found) {
      verdict.reason = found.error().message + ".";
    } else {
      found->against = against_base ? "base" : "baseline";
      verdict.better = found->interval.low > gate.min_improvement;
      verdict.reason = sentence(*found, gate, verdict.better);
      verdict.comparison = std::move(*found);
    }
  } else {
    verdict.better = true;
    verdict.reason =
        thresholds.empty() ? "There is nothing to compare with." : "All thresholds are met; there is no baseline.";
  }
  if (std::string missed = missed_threshold(model.metrics, thresholds); !missed.empty()) {
    verdict.better = false;
    verdict.reason = std::move(missed);
  }
  return verdict;
}

Result<std::map<std::string, double>> parse_thresholds(const Json& json) {
  std::map<std::string, double> thresholds;
  if (json.is_null()) {
    return thresholds;
  }
  if (!json.is_object()) {
    return invalid("thresholds must be an object of numbers by metric name");
  }
  for (const auto& [name, value] : json.items()) {
    if (!is_metric(name)) {
      return invalid("thresholds: unknown metric '" + name + "'" + kKnownMetrics);
    }
    if (!value.is_number()) {
      return invalid("thresholds." + name + " must be a number");
    }
    thresholds[name] = value.get<double>();
  }
  return thresholds;
}

}  // namespace luthier::worker
