#include "agents/worker/eval/scores.h"

#include <algorithm>

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

bool is_exact(const ExampleScores& example) { return example.correct_tokens == example.tokens; }

ScorePart share_of(bool right) { return {right ? 1.0 : 0.0, 1.0}; }

Json example_json(const ModelScores& scores, std::size_t index) {
  if (index >= scores.examples.size()) {
    return {};
  }
  const ExampleScores& example = scores.examples[index];
  return {{"loss", example.loss},
          {"tokens", example.tokens},
          {"correct_tokens", example.correct_tokens},
          {"exact", is_exact(example)},
          {"label_correct", example.label_correct.has_value() ? Json(*example.label_correct) : Json()}};
}

}  // namespace

std::optional<std::vector<ScorePart>> parts_of(const ModelScores& scores, const std::string& metric) {
  std::vector<ScorePart> parts;
  parts.reserve(scores.examples.size());
  for (const ExampleScores& example : scores.examples) {
    const auto tokens = static_cast<double>(example.tokens);
    if (metric == "loss") {
      parts.push_back({example.loss, tokens});
    } else if (metric == "token_accuracy") {
      parts.push_back({static_cast<double>(example.correct_tokens), tokens});
    } else if (metric == "sequence_accuracy") {
      parts.push_back(share_of(is_exact(example)));
    } else if (metric == "label_accuracy" && example.label_correct.has_value()) {
      parts.push_back(share_of(*example.label_correct));
    } else {
      return std::nullopt;
    }
  }
  return parts;
}

ModelScores scores_at(const ModelScores& scores, const std::vector<std::int64_t>& lines,
                      const std::vector<std::int64_t>& kept) {
  ModelScores found;
  for (std::size_t i = 0; i < lines.size() && i < scores.examples.size(); ++i) {
    if (std::binary_search(kept.begin(), kept.end(), lines[i])) {
      found.examples.push_back(scores.examples[i]);
    }
  }
  return found;
}

std::string to_jsonl(const ModelScores& model, const std::optional<ModelScores>& base,
                     const std::optional<ModelScores>& baseline, const std::vector<std::int64_t>& lines) {
  const ModelScores none;
  const ModelScores& of_base = base.has_value() ? *base : none;
  const ModelScores& of_baseline = baseline.has_value() ? *baseline : none;
  const std::size_t count = std::max({model.examples.size(), of_base.examples.size(), of_baseline.examples.size()});
  std::string text;
  for (std::size_t i = 0; i < count; ++i) {
    const Json line{{"example", i},
                    {"line", i < lines.size() ? Json(lines[i]) : Json()},
                    {"model", example_json(model, i)},
                    {"base", example_json(of_base, i)},
                    {"baseline", example_json(of_baseline, i)}};
    text += line.dump() + "\n";
  }
  return text;
}

}  // namespace luthier::worker
