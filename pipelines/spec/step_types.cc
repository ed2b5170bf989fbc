// Step types: what each takes in `with` and which outputs it gives. docs/worker-protocol.md is the other side.
#include "pipelines/spec/shapes.h"

namespace luthier::spec {
namespace {

using shapes::list_of;
using shapes::map_of;
using shapes::number;
using shapes::object;
using shapes::of;
using shapes::one_of;
using shapes::or_auto;
using shapes::or_null;
using shapes::text_of;

Shape fraction() { return number(Kind::kFloat, 0, 1); }
Shape seed() { return number(Kind::kInt, 0, 9e15); }
Shape dataset() { return shapes::artifact_of({"dataset"}); }
Shape count(double least = 1) { return number(Kind::kInt, least, 1e9); }

Type row_counts() {
  return types::record({{"read", types::integer()},
                        {"kept", types::integer()},
                        {"train", types::integer()},
                        {"validation", types::integer()},
                        {"test", types::integer()}});
}

// The codes of recommended repairs (pipelines/data/validators.h).
Shape declinable() {
  return text_of({"all", "duplicate_rows", "conflicting_labels", "long_examples", "prompts_upper_case",
                  "completions_upper_case", "separator_inside", "separator_missing", "prompt_prefix",
                  "completion_prefix", "ending_missing", "completion_space"});
}

StepType prepare() {
  return {"prepare",
          StepPlace::kAgent,
          "Read, check, repair, report and split data.",
          object({
              {"source", of(Kind::kPath), "Files beside the YAML file (a file, a folder or a pattern).", true, {}},
              {"format",
               text_of({"csv", "tsv", "json", "jsonl", "txt", "xlsx"}),
               "Format; inferred when absent.",
               false,
               {}},
              {"task",
               text_of({"classification", "generation", "text", "chat"}),
               "What the data is for; inferred.",
               false,
               {}},
              {"columns",
               object({{"prompt", of(Kind::kString), "Column of the prompt.", false, {}},
                       {"completion", of(Kind::kString), "Column of the completion.", false, {}},
                       {"text", of(Kind::kString), "Column of the text (task text).", false, {}}}),
               "Names of columns, where they differ.",
               false,
               {}},
              {"labels", list_of(of(Kind::kString), 2, 10'000), "Classes allowed; inferred.", false, {}},
              {"clean", of(Kind::kBool), "Repair white space, spellings of labels and conflicting labels too.", false,
               true},
              {"decline", list_of(declinable(), 1, 20), "Repairs that are not made.", false, {}},
              {"separator", of(Kind::kString), "What every prompt ends with; chosen when absent.", false, {}},
              {"ending", of(Kind::kString), "What every completion ends with (task generation).", false, {}},
              {"turns", text_of({"chats", "prompts"}), "A row for each answer of a dialogue.", false, {}},
              {"fraction", number(Kind::kFloat, 1e-6, 1), "Part of the training rows to keep.", false, 1},
              {"split",
               object({{"validation", fraction(), "Fraction held out for validation.", false, {}},
                       {"test", fraction(), "Fraction held out for a test.", false, {}},
                       {"seed", seed(), "Seed of the split and of the fraction.", false, {}},
                       {"group", of(Kind::kString), "Column whose equal values stay in one part.", false, {}}}),
               "How to split.",
               false,
               {}},
              {"tokenizer",
               object({{"vocab_size", number(Kind::kInt, 257, 1e6), "Entries of the vocabulary.", true, {}}}),
               "Train a byte-level BPE on the data (task text).",
               false,
               {}},
          }),
          {{"train", types::artifact("dataset"), "what to train on"},
           {"validation", types::artifact("dataset"), "held out for validation, when asked for"},
           {"test", types::artifact("dataset"), "held out for a test, when asked for"},
           {"tokenizer", types::artifact("tokenizer"), "when asked for"},
           {"report", types::artifact("report"), "what was found and repaired"},
           {"task", types::text({"classification", "generation", "text", "chat"}), "what the data is for"},
           {"labels", types::list_of(types::text()), "classes (classification)"},
           {"separator", types::text(), "what every prompt ends with"},
           {"rows", row_counts(), "how many rows"}}};
}

StepType upload() {
  return {"upload",
          StepPlace::kController,
          "Commit datasets under the run, so that later steps and people find them.",
          object({
              {"training", dataset(), "Dataset to train on.", true, {}},
              {"validation", or_null(dataset()), "Dataset to validate on.", false, {}},
              {"name", of(Kind::kString), "Name of the dataset, for people.", false, {}},
          }),
          {{"training", types::artifact("dataset"), "as given"},
           {"validation", types::or_nothing(types::artifact("dataset")), "as given, or null"},
           {"name", types::text(), "as given"}}};
}

StepType pack() {
  return {
      "pack",
      StepPlace::kAgent,
      "Turn a dataset into shards of tokens for a model, several examples a row.",
      object(
          {
              {"data", dataset(), "Dataset to pack.", true, {}},
              {"model", of(Kind::kModel), "Model whose tokenizer and chat template make the tokens.", false, {}},
              {"tokenizer",
               shapes::artifact_of({"tokenizer"}),
               "Or: the tokenizer that a new model is made with.",
               false,
               {}},
              {"tokens", number(Kind::kInt, 2, 1 << 24), "Tokens of a row.", false, 2048},
              {"window", number(Kind::kInt, 1, 1e7), "Examples that are packed and shuffled together.", false, 50'000},
              {"seed", seed(), "Seed of the order of rows.", false, 0},
          },
          {{"model", "tokenizer"}}),
      {{"packed", types::artifact("dataset"), "what to train on"},
       {"rows", types::integer(), "rows of so many tokens"},
       {"samples", types::integer(), "examples in them; a text that was cut is several"},
       {"tokens", types::integer(), "tokens in them"},
       {"trained_tokens", types::integer(), "tokens of them that are learned"},
       {"truncated", types::integer(), "examples that were longer than a row"},
       {"dropped", types::integer(), "examples with nothing to learn"},
       {"fill", types::number(), "part of the rows that holds tokens, from 0 to 1"}}};
}

// Both methods take the same keys.
Shape method_shape() {
  return object({
      {"n_epochs", or_auto(number(Kind::kInt, 1, 10'000)), "Passes over the data; auto: by its size.", false, {}},
      {"max_steps", count(), "Stop after this many optimizer steps.", false, {}},
      {"batch_size",
       or_auto(number(Kind::kInt, 1, 1 << 20)),
       "Examples of one optimizer step; auto: by the size of the data.",
       false,
       {}},
      {"learning_rate", number(Kind::kFloat, 1e-12, 10), "Peak learning rate.", false, {}},
      {"learning_rate_multiplier",
       or_auto(number(Kind::kFloat, 1e-12, 1000)),
       "Times the learning rate; auto: 1.",
       false,
       {}},
      {"warmup_ratio", fraction(), "Part of the steps in which the rate rises.", false, {}},
      {"lr_schedule", text_of({"constant", "linear", "cosine"}), "How the rate falls after warmup.", false, {}},
      {"adam_beta2", number(Kind::kFloat, 0.5, 0.99999), "AdamW's second beta.", false, {}},
      {"weight_decay", number(Kind::kFloat, 0, 10), "AdamW's weight decay.", false, {}},
      {"max_grad_norm", number(Kind::kFloat, 0, 1e9), "Gradients are clipped to this norm; 0: not.", false, {}},
      {"max_tokens", count(2), "Longest example in tokens.", false, {}},
      {"validate_every_steps", count(0), "Steps between validations; 0: only at the end of epochs.", false, {}},
      {"seed", seed(), "Seed of order, dropout and new weights.", false, {}},
  });
}

Shape init_shape() {
  return object({
      {"architecture", text_of({"llama"}), "Model family.", true, {}},
      {"tokenizer", shapes::artifact_of({"tokenizer"}), "Tokenizer of the new model.", true, {}},
      {"hidden_size", number(Kind::kInt, 8, 65'536), "Width.", false, {}},
      {"intermediate_size", number(Kind::kInt, 8, 262'144), "Width of the feed-forward part.", false, {}},
      {"num_hidden_layers", number(Kind::kInt, 1, 512), "Layers.", false, {}},
      {"num_attention_heads", number(Kind::kInt, 1, 1024), "Heads.", false, {}},
      {"num_key_value_heads", number(Kind::kInt, 1, 1024), "Heads of keys and values.", false, {}},
      {"max_position_embeddings", number(Kind::kInt, 8, 1e7), "Longest context.", false, {}},
      {"tie_word_embeddings", of(Kind::kBool), "One matrix for input and output.", false, {}},
      {"rope_theta", number(Kind::kFloat, 1, 1e9), "Base of the rotary positions.", false, {}},
      {"seed", seed(), "Seed of the first weights.", false, {}},
  });
}

Shape train_inputs() {
  const std::vector<std::string> modules{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  return object(
      {
          {"model", of(Kind::kModel), "Model to start from.", false, {}},
          {"init", init_shape(), "Or: a new model to make.", false, {}},
          {"data", dataset(), "Dataset to train on.", true, {}},
          {"validation", or_null(dataset()), "Dataset to validate on.", false, {}},
          {"method",
           object({{"supervised", method_shape(), "Learn completions of prompts.", false, {}},
                   {"pretrain", method_shape(), "Learn plain text.", false, {}}},
                  {{"supervised", "pretrain"}}),
           "How to train.",
           false,
           {}},
          {"lora",
           or_null(
               object({{"r", number(Kind::kInt, 1, 4096), "Rank.", true, {}},
                       {"alpha", number(Kind::kFloat, 0, 1e6), "Scale; alpha/r multiplies.", false, {}},
                       {"dropout", number(Kind::kFloat, 0, 0.99), "Dropout on the input.", false, {}},
                       {"target_modules", list_of(text_of(modules), 1, 7), "Layers that get an adapter.", false, {}}})),
           "Train a low-rank adapter; absent: all weights.",
           false,
           {}},
          {"checkpoints",
           object({{"every_steps", count(), "Steps between checkpoints.", false, {}},
                   {"every_epochs", count(0), "Epochs between checkpoints.", false, {}}}),
           "How often to save.",
           false,
           {}},
          {"dtype", text_of({"float32", "bfloat16"}), "Type of the weights in training.", false, "float32"},
      },
      {{"model", "init"}});
}

Type checkpoint_type() {
  return types::record(
      {{"step", types::integer()}, {"metrics", types::map_of(types::number())}, {"model", types::model()}});
}

Type hyperparameters_type() {
  return types::record({{"n_epochs", types::integer()},
                        {"batch_size", types::integer()},
                        {"learning_rate", types::number()},
                        {"learning_rate_multiplier", types::number()}});
}

StepType train() {
  return {
      "train",
      StepPlace::kAgent,
      "Train a model; resumes from its newest checkpoint.",
      train_inputs(),
      {{"model", types::model(), "as it was at the end"},
       {"checkpoints", types::list_of(checkpoint_type()), "all that were committed, oldest first"},
       {"hyperparameters", hyperparameters_type(), "what was trained with, also where the file says auto or nothing"},
       {"steps", types::integer(), "optimizer steps done"},
       {"train_loss", types::number(), "of the last step"},
       {"mean_train_loss", types::number(), "of all steps"},
       {"trained_tokens", types::integer(), "tokens seen"},
       {"train_mean_token_accuracy", types::number(), "of the last step"},
       {"valid_loss", types::number(), "of a sample of the validation data"},
       {"valid_mean_token_accuracy", types::number(), "of a sample of the validation data"},
       {"full_valid_loss", types::number(), "of all validation data"},
       {"full_valid_mean_token_accuracy", types::number(), "of all validation data"}}};
}

// An entry of a training's `checkpoints`, as an input.
Shape checkpoint_shape() {
  return object({{"step", count(0), "Global step.", true, {}},
                 {"metrics", map_of(or_null(of(Kind::kFloat)), 0, 100), "Metrics at that step.", true, {}},
                 {"model", of(Kind::kModel), "The model.", true, {}}});
}

StepType checkpoint() {
  return {"checkpoint",
          StepPlace::kController,
          "Choose the best checkpoint of a training; keep some.",
          object({
              {"from", list_of(checkpoint_shape(), 0, 1e6), "The `checkpoints` output of a train step.", true, {}},
              {"keep", count(), "How many to keep.", false, 3},
              {"select",
               object({{"metric", of(Kind::kString), "Metric to compare.", false, "full_valid_loss"},
                       {"mode", text_of({"min", "max"}), "Which is better.", false, "min"}}),
               "How to choose.", false, nlohmann::json::object()},
          }),
          {{"best", types::model(), "the best model"},
           {"step", types::integer(), "training step of the best"},
           {"metrics", types::map_of(types::number()), "metrics of the best"},
           {"metric", types::text(), "name of the metric that decided"},
           {"value", types::number(), "its value at the best"},
           {"kept", types::list_of(checkpoint_type()), "the checkpoints that were kept"}}};
}

Shape gate_shape() {
  return object({
      {"metric",
       text_of({"loss", "token_accuracy", "sequence_accuracy", "label_accuracy"}),
       "Metric to compare; label_accuracy where there are labels, else loss.",
       false,
       {}},
      {"confidence", number(Kind::kFloat, 0.5, 0.9999), "Of the interval of the improvement.", false, 0.95},
      {"min_improvement", number(Kind::kFloat, -1000, 1000), "The whole interval must lie above it.", false, 0},
      {"resamples", number(Kind::kInt, 100, 1'000'000), "Of the paired bootstrap.", false, 10'000},
      {"seed", seed(), "Of the resamples.", false, 1},
  });
}

StepType eval() {
  return {
      "eval",
      StepPlace::kAgent,
      "Measure a model, against a baseline or thresholds.",
      object({
          {"model", of(Kind::kModel), "Model to measure.", true, {}},
          {"data", dataset(), "Dataset to measure on.", true, {}},
          {"baseline", or_null(of(Kind::kModel)), "Model to beat, such as alias:production.", false, {}},
          {"labels", or_null(list_of(of(Kind::kString), 2, 10'000)), "Classes: measures label accuracy.", false, {}},
          {"thresholds", map_of(of(Kind::kFloat), 1, 20), "Least value of each metric.", false, {}},
          {"gate", gate_shape(), "How sure one must be that the model is better.", false, {}},
          {"samples", number(Kind::kInt, 0, 1000), "Answers kept side by side in the report.", false, {}},
          {"dtype", text_of({"float32", "bfloat16"}), "Type of the weights.", false, {}},
      }),
      {{"metrics", types::map_of(types::number()), "metrics of the model"},
       {"base_metrics", types::or_nothing(types::map_of(types::number())), "of the model without its adapter, or null"},
       {"baseline_metrics", types::or_nothing(types::map_of(types::number())), "of the baseline, or null"},
       {"better", types::truth(), "whether it is better"},
       {"reason", types::text(), "one sentence"},
       {"baseline", types::or_nothing(types::one_of(Type::kMap)), "name, version and digests of the baseline, or null"},
       {"metric", types::text(), "name of the metric that decided"},
       {"comparison", types::or_nothing(types::one_of(Type::kMap)), "improvement with its interval, or null"},
       {"report", types::artifact("report"), "with samples side by side"}}};
}

StepType register_model() {
  return {"register",
          StepPlace::kController,
          "Give a model a name and a version in the registry.",
          object({
              {"model", of(Kind::kModel), "Model to register.", true, {}},
              {"name", of(Kind::kName), "Name in the registry; the pipeline's when absent.", false, {}},
              {"aliases", list_of(of(Kind::kName), 0, 20), "Aliases to point at this version.", false, {}},
              {"description", of(Kind::kString), "For people.", false, {}},
          }),
          {{"model", types::model(), "with its name and version"},
           {"name", types::text(), "name in the registry"},
           {"version", types::integer(), "its version there"}}};
}

StepType promote() {
  return {"promote",
          StepPlace::kController,
          "Register a model and move an alias to it.",
          object({
              {"model", of(Kind::kModel), "Model to promote.", true, {}},
              {"name", of(Kind::kName), "Name in the registry; the pipeline's when absent.", false, {}},
              {"alias", of(Kind::kName), "Alias to move.", true, {}},
              {"force", of(Kind::kBool), "Promote although no evaluation speaks for it.", false, false},
              {"expect", or_null(of(Kind::kAny)), "Version or digest that the alias must still point at.", false, {}},
              {"description", of(Kind::kString), "For people.", false, {}},
          }),
          {{"model", types::model(), "with its name and version"},
           {"name", types::text(), "name in the registry"},
           {"version", types::integer(), "its version there"},
           {"alias", types::text(), "the alias that was moved"},
           {"previous_version", types::or_nothing(types::integer()), "where the alias pointed before, or null"}}};
}

Shape files_shape() {
  Shape shape = list_of(of(Kind::kString), 1, 1000);
  shape.repository = true;
  return shape;
}

Shape declared_output_shape() {
  return one_of({
      of(Kind::kString),
      object(
          {
              {"path", of(Kind::kString), "File or folder that becomes an artifact.", false, {}},
              {"kind",
               text_of({"source", "dataset", "model", "adapter", "tokenizer", "report"}),
               "What the artifact is; source when absent.",
               false,
               {}},
              {"type",
               text_of({"string", "int", "float", "bool", "list", "map"}),
               "Or: a value, read from the JSON file that `values` names.",
               false,
               {}},
              {"description", of(Kind::kString), "For people.", false, {}},
          },
          {{"path", "type"}}),
  });
}

StepType run() {
  return {"run",
          StepPlace::kAgent,
          "Run a command; its exit status decides.",
          object({
              {"command",
               one_of({of(Kind::kString), list_of(of(Kind::kString), 1, 1000)}),
               "Text for sh -c, or a program and its arguments.",
               true,
               {}},
              {"env", map_of(of(Kind::kString), 0, 200), "Environment variables.", false, {}},
              {"files", files_shape(), "Files of the repository, as committed: patterns from its root.", false, {}},
              {"workdir", of(Kind::kString), "Folder to run in, below the step's working folder.", false, {}},
              {"inputs", map_of(of(Kind::kPath), 0, 100), "Files and artifacts, by name.", false, {}},
              {"outputs", map_of(declared_output_shape(), 1, 100), "What the command must leave behind.", false, {}},
              {"values", of(Kind::kString), "JSON file that holds the outputs with a type.", false, {}},
          }),
          {},
          true};
}

StepType approve() {
  return {"approve",
          StepPlace::kController,
          "Wait for a person to approve.",
          object({
              {"message", of(Kind::kString), "What is to be decided, for people.", false, {}},
              {"approvers",
               list_of(of(Kind::kString), 1, 100),
               "Names of the API keys that may decide; absent: every one that may run pipelines.",
               false,
               {}},
          }),
          {{"approved", types::truth(), "true"},
           {"by", types::text(), "name of the key that approved"},
           {"comment", types::text(), "as given with it"}}};
}

StepType notify() {
  return {"notify",
          StepPlace::kController,
          "Publish the event notification.requested.",
          object({
              {"message", of(Kind::kString), "What to tell.", true, {}},
              {"level", text_of({"info", "warning", "error"}), "How much it matters.", false, "info"},
              {"data", map_of(of(Kind::kAny), 0, 100), "More, for programs.", false, {}},
          }),
          {{"message", types::text(), "as given"}}};
}

}  // namespace

const std::vector<StepType>& step_types() {
  static const std::vector<StepType> types = [] {
    std::vector<StepType> all{prepare(),        upload(),  pack(), train(),   checkpoint(), eval(),
                              register_model(), promote(), run(),  approve(), notify()};
    for (StepType& type : all) {
      type.inputs.expressions = true;
    }
    return all;
  }();
  return types;
}

}  // namespace luthier::spec
