#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "agents/worker/device.h"
#include "agents/worker/eval/labels.h"
#include "agents/worker/eval/report.h"
#include "agents/worker/model/loaded_model.h"
#include "agents/worker/model/scoring.h"
#include "agents/worker/serve/model_answerer.h"
#include "agents/worker/verbs.h"
#include "base/file.h"
#include "pipelines/text/chat/chat_tokens.h"

namespace luthier::worker {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t kSamplesDefault = 10;
constexpr std::int64_t kSamplesMax = 1'000;
constexpr std::int64_t kSampleTokensMax = 64;

struct EvalJob {
  ModelValue model;
  std::optional<ModelValue> baseline;
  std::filesystem::path data;
  std::vector<std::string> labels;  // empty: found in the data
  std::map<std::string, double> thresholds;
  Gate gate;
  Json baseline_value;
  std::int64_t samples = kSamplesDefault;
  at::ScalarType dtype = at::kFloat;
};

// Which model that is, by digest, for whoever acts on the verdict later.
Json identity_of(const Json& model) {
  const auto digest = [&](const char* part) {
    const Json artifact = model.value(part, Json());
    return artifact.is_object() ? artifact.value("$artifact", Json()) : Json();
  };
  return {{"name", model.value("name", Json())},
          {"version", model.value("version", Json())},
          {"base", digest("base")},
          {"adapter", digest("adapter")}};
}

Result<EvalJob> parse_eval_job(const Json& with) {
  EvalJob job;
  const auto member = [&](const char* name) { return with.value(name, Json()); };
  LUTHIER_TRY(job.model, parse_model_value(member("model"), "model"));
  if (!member("baseline").is_null()) {
    LUTHIER_TRY(job.baseline, parse_model_value(member("baseline"), "baseline"));
    job.baseline_value = identity_of(member("baseline"));
  }
  LUTHIER_TRY(job.data, worker_protocol::artifact_path(member("data"), "data"));
  for (const Json& label : member("labels")) {
    if (!label.is_string()) {
      return Error{ErrorCode::kInvalidArgument, "labels must be a list of strings"};
    }
    job.labels.push_back(label.get<std::string>());
  }
  LUTHIER_TRY(job.thresholds, parse_thresholds(member("thresholds")));
  LUTHIER_TRY(job.gate, parse_gate(member("gate")));
  if (const Json samples = member("samples"); !samples.is_null()) {
    if (!samples.is_number_integer() || samples.get<std::int64_t>() < 0 || samples.get<std::int64_t>() > kSamplesMax) {
      return Error{ErrorCode::kInvalidArgument, "samples must be a whole number from 0 to 1000"};
    }
    job.samples = samples.get<std::int64_t>();
  }
  LUTHIER_TRY(job.dtype, parse_dtype(with.value("dtype", std::string("float32"))));
  return job;
}

// Evaluates models on one dataset. `progress_` counts scored sequences over all of them.
class Evaluator {
 public:
  Evaluator(const VerbContext& context, EvalJob job, at::Device device)
      : context_(context), job_(std::move(job)), device_(device) {}

  Result<Json> run() {
    EvalReport report;
    report.model_name = job_.model.name;
    report.gate = job_.gate;
    report.baseline_value = job_.baseline_value;
    {
      LUTHIER_TRY(LoadedModel loaded, load_model(job_.model, job_.dtype, device_));
      LUTHIER_TRY_VOID(read_data(loaded));
      report.labels = labels_.names();
      const std::int64_t models = (loaded.model.has_adapter() ? 2 : 1) + (job_.baseline.has_value() ? 1 : 0);
      total_ = models * static_cast<std::int64_t>(data_.examples.size() * (1 + labels_.names().size()));
      LUTHIER_TRY(report.model, measure(loaded));
      report.lines = lines_of_data();
      if (loaded.model.has_adapter()) {
        loaded.model.enable_adapter(false);
        LUTHIER_TRY(report.base, measure(loaded));
        loaded.model.enable_adapter(true);
      }
      LUTHIER_TRY(report.samples, take_samples(loaded));
    }
    if (job_.baseline.has_value()) {
      LUTHIER_TRY(LoadedModel loaded, load_model(*job_.baseline, job_.dtype, device_));
      LUTHIER_TRY_VOID(read_data(loaded));
      LUTHIER_TRY(report.baseline, measure(loaded));
      keep_what_both_were_asked(report);
    }
    if (context_.channel.stop_requested()) {
      return Json();
    }
    report.verdict = decide(report.model, report.base, report.baseline, job_.thresholds, job_.gate);
    return write(report);
  }

 private:
  [[nodiscard]] std::vector<std::int64_t> lines_of_data() const {
    std::vector<std::int64_t> lines;
    for (const Record& record : data_.records) {
      lines.push_back(record.line);
    }
    return lines;
  }

  // Templates and contexts differ, so one of two models may have been left without a conversation's answers.
  void keep_what_both_were_asked(EvalReport& report) const {
    const std::vector<std::int64_t> lines = lines_of_data();
    if (lines == report.lines) {
      return;
    }
    std::vector<std::int64_t> both;
    std::set_intersection(lines.begin(), lines.end(), report.lines.begin(), report.lines.end(),
                          std::back_inserter(both));
    report.model.scores = scores_at(report.model.scores, report.lines, both);
    if (report.base.has_value()) {
      report.base->scores = scores_at(report.base->scores, report.lines, both);
    }
    report.baseline->scores = scores_at(report.baseline->scores, lines, both);
    context_.log.warning("conversations_not_compared", {{"of_model", std::to_string(report.lines.size())},
                                                        {"of_baseline", std::to_string(lines.size())},
                                                        {"compared", std::to_string(both.size())}});
    report.lines = std::move(both);
  }

  // Another model may have another tokenizer.
  Result<void> read_data(const LoadedModel& loaded) {
    const DatasetOptions options{loaded.model.config().max_position_embeddings, loaded.eos, loaded.chat_folders};
    LUTHIER_TRY(data_, read_dataset(job_.data, loaded.tokenizer, options));
    warn_of_losses(context_.log, "data", data_, options);
    LUTHIER_TRY(const ModelExtras extras, read_model_extras(job_.data / "dataset.json"));
    const bool classification = !data_.format.has_value() && (extras.task.empty() || extras.task == "classification");
    if (!job_.labels.empty() || classification) {
      labels_ = Labels::find(job_.labels.empty() ? extras.labels : job_.labels, data_.records);
    }
    return {};
  }

  [[nodiscard]] ScoreProgress counting() {
    return [this, before = done_](std::size_t done) {
      done_ = before + static_cast<std::int64_t>(done);
      context_.channel.progress({.done = done_, .total = total_, .unit = "examples"});
      return !context_.channel.stop_requested();
    };
  }

  Result<Measured> measure(const LoadedModel& loaded) {
    std::vector<const Example*> examples;
    for (const Example& example : data_.examples) {
      examples.push_back(&example);
    }
    const Score score = score_examples(loaded.model, examples, counting());
    Measured measured;
    measured.metrics = {score.loss, score.token_accuracy, score.sequence_accuracy, std::nullopt, score.example_count};
    for (const ExampleScore& example : score.examples) {
      measured.scores.examples.push_back({example.loss, example.token_count, example.correct_count, std::nullopt});
    }
    if (!labels_.empty() && !data_.records.empty()) {
      LUTHIER_TRY_VOID(measure_labels(loaded, measured));
    }
    return measured;
  }

  // Each record asked once per label; the likeliest label is the model's answer.
  Result<void> measure_labels(const LoadedModel& loaded, Measured& measured) {
    const std::size_t count = labels_.names().size();
    LUTHIER_TRY(const std::vector<Example> asked,
                data_.format.has_value() ? chats_by_label(loaded) : pairs_by_label(loaded));
    std::vector<const Example*> examples;
    for (const Example& example : asked) {
      examples.push_back(&example);
    }
    const std::vector<double> likelihoods = log_likelihoods(loaded.model, examples, counting());
    std::int64_t right = 0;
    for (std::size_t i = 0; i < data_.records.size(); ++i) {
      const auto first = likelihoods.begin() + static_cast<std::ptrdiff_t>(i * count);
      const auto best =
          static_cast<std::size_t>(std::max_element(first, first + static_cast<std::ptrdiff_t>(count)) - first);
      const bool was_asked = asked[i * count].supervised_count() > 0;  // a conversation may be cut before its answer
      const bool correct = was_asked && labels_.index_of(data_.records[i].completion) == best;
      measured.scores.examples[i].label_correct = correct;
      right += correct ? 1 : 0;
    }
    measured.metrics.label_accuracy = static_cast<double>(right) / static_cast<double>(data_.records.size());
    return {};
  }

  // Every record with every label as its completion.
  Result<std::vector<Example>> pairs_by_label(const LoadedModel& loaded) const {
    text::Encoder encoder(loaded.tokenizer);
    std::vector<Example> asked;
    for (const Record& record : data_.records) {
      LUTHIER_TRY(const std::vector<TokenId> prompt, prompt_ids(encoder, loaded.tokenizer, record.prompt));
      for (const std::string& completion : labels_.completions()) {
        std::vector<TokenId> ids;
        LUTHIER_TRY_VOID(encoder.encode(completion, {.parse_special_tokens = false}, ids));
        ids.push_back(loaded.eos);
        bool truncated = false;
        asked.push_back(
            joined_example(prompt, std::move(ids), loaded.model.config().max_position_embeddings, truncated));
      }
    }
    return asked;
  }

  // Every conversation with every label as its last answer; one that has no answer to something is never right.
  Result<std::vector<Example>> chats_by_label(const LoadedModel& loaded) const {
    ChatReader reader(*data_.format, loaded.tokenizer, loaded.model.config().max_position_embeddings);
    std::vector<Example> asked;
    for (const Record& record : data_.records) {
      const auto chat = asked_part(record.chat);
      for (const std::string& label : labels_.completions()) {
        LUTHIER_TRY(ChatReader::Made made, reader.read(chat ? with_answer(*chat, label) : record.chat));
        if (!chat.has_value()) {
          made.example.trained.assign(made.example.ids.size(), false);
        }
        asked.push_back(std::move(made.example));
      }
    }
    return asked;
  }

  // Spread evenly over the data; none for text records.
  Result<std::vector<Sample>> take_samples(LoadedModel& loaded) {
    ModelAnswerer answerer(loaded);
    std::optional<ChatPrompt> chats;
    if (data_.format.has_value()) {
      chats.emplace(*data_.format, loaded.tokenizer);
    }
    std::vector<Sample> samples;
    const std::size_t count = std::min(data_.records.size(), static_cast<std::size_t>(job_.samples));
    for (std::size_t i = 0; i < count && !context_.channel.stop_requested(); ++i) {
      const Record& record = data_.records[i * data_.records.size() / count];
      const std::optional<std::string> chat = asked_text(record, chats);
      if (chats.has_value() && !chat.has_value()) {
        continue;  // an answer to nothing
      }
      Sample sample{chat.value_or(record.prompt), record.completion, std::nullopt, ""};
      const auto ask = [&] { return answer(answerer, loaded, chats, sample.prompt); };
      sample.tuned = ask();
      if (loaded.model.has_adapter()) {
        loaded.model.enable_adapter(false);
        sample.base = ask();
        loaded.model.enable_adapter(true);
      }
      samples.push_back(std::move(sample));
    }
    return samples;
  }

  // A sample that cannot be made (a prompt longer than the context) says so in its place.
  static std::string answer(ModelAnswerer& answerer, const LoadedModel& loaded, const std::optional<ChatPrompt>& chats,
                            const std::string& prompt) {
    GenerateRequest request;
    request.max_tokens = kSampleTokensMax;
    if (!chats.has_value()) {
      request.prompt = prompt;
      request.stop = loaded.extras.stop;
    }
    auto begun = chats.has_value() ? answerer.start_chat(*chats, prompt, request) : answerer.start(request);
    auto said = begun ? whole(**begun) : Result<WholeAnswer>(begun.error());
    return said ? said->text : "(" + said.error().message + ")";
  }

  // What a conversation asks before its last answer, as the template writes it.
  static std::optional<std::string> asked_text(const Record& record, const std::optional<ChatPrompt>& chats) {
    const auto asked = record.chat.is_null() ? std::nullopt : asked_part(record.chat);
    if (!asked.has_value() || !chats.has_value()) {
      return std::nullopt;
    }
    auto text = chats->text_of(asked->asked, text::training_date());
    return text ? std::optional(std::move(*text)) : std::nullopt;
  }

  Result<Json> write(const EvalReport& report) {
    LUTHIER_TRY_VOID(create_folders("report"));
    Json json = to_json(report);
    const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    LUTHIER_TRY_VOID(write_file_atomically("report/report.json", text));
    LUTHIER_TRY_VOID(write_file_atomically("report/report.md", to_markdown(report)));
    LUTHIER_TRY_VOID(write_file_atomically("report/scores.jsonl", scores_text(report)));
    context_.log.info("evaluated",
                      {{"better", report.verdict.better ? "true" : "false"}, {"reason", report.verdict.reason}});
    Json outputs;
    for (const char* name :
         {"metrics", "base_metrics", "baseline_metrics", "baseline", "better", "metric", "reason", "comparison"}) {
      outputs[name] = json[name];
    }
    outputs["report"] = worker_protocol::artifact_output("report", "report");
    return outputs;
  }

  static std::string scores_text(const EvalReport& report) {
    const auto scores = [](const std::optional<Measured>& measured) {
      return measured.has_value() ? std::optional<ModelScores>(measured->scores) : std::nullopt;
    };
    return to_jsonl(report.model.scores, scores(report.base), scores(report.baseline), report.lines);
  }

  const VerbContext& context_;
  const EvalJob job_;
  const at::Device device_;
  Dataset data_;
  Labels labels_;
  std::int64_t done_ = 0;
  std::int64_t total_ = 0;
};

}  // namespace

Result<Json> run_eval(const VerbContext& context) {
  LUTHIER_TRY(const at::Device device, prepare_device(context.job));
  LUTHIER_TRY(EvalJob job, parse_eval_job(context.job.with));
  return Evaluator(context, std::move(job), device).run();
}

}  // namespace luthier::worker
