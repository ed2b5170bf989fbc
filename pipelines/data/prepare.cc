#include "pipelines/data/prepare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <set>

#include "base/file.h"
#include "base/random.h"
#include "pipelines/data/split.h"
#include "pipelines/text/trainer.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Below this the fine-tuning guides advise to collect more.
constexpr std::int64_t kRowsOfClassAdvised = 10;
constexpr std::int64_t kRowsAdvised = 100;

// The legacy tool's estimate, for its model curie: by rows for classifications, else by the memory of its table, which
// is two references a row and the row numbers. Those are a range at first; once rows have been dropped they are listed,
// beside a hash table of them.
constexpr double kSecondsOfStart = 140;
constexpr double kSecondsOfClassifiedRow = 1.44;
constexpr double kSecondsOfByte = 0.0515;
constexpr std::size_t kBytesOfRow = 16;
constexpr std::size_t kBytesOfRange = 132;
constexpr std::size_t kBytesOfListedRow = 8;

// A power of two of which the rows fill at most 77 %; a bucket is 16 bytes and a bit of a word.
std::size_t bytes_of_hash_table(std::size_t rows) {
  std::size_t buckets = std::bit_ceil(std::max<std::size_t>(rows, 1));
  if (static_cast<std::size_t>(static_cast<double>(buckets) * 0.77 + 0.5) < rows) {
    buckets *= 2;
  }
  buckets = std::max<std::size_t>(buckets, 4);
  return 40 + 4 * std::max<std::size_t>(1, buckets / 32) + 16 * buckets;
}

double curie_seconds(Shape shape, std::size_t rows, bool dropped) {
  if (shape == Shape::kClassification) {
    return kSecondsOfStart + kSecondsOfClassifiedRow * static_cast<double>(rows);
  }
  const std::size_t numbers = dropped ? kBytesOfListedRow * rows + bytes_of_hash_table(rows) : kBytesOfRange;
  return kSecondsOfStart + kSecondsOfByte * static_cast<double>(kBytesOfRow * rows + numbers);
}

constexpr std::size_t kValidationRowsMax = 1'000;

std::string label_of(const Record& record) {
  return record.completion.starts_with(' ') ? record.completion.substr(1) : record.completion;
}

void count_labels(const Settings& settings, Prepared& prepared, const std::vector<Record>& records) {
  if (prepared.task != Task::kClassification) {
    return;
  }
  for (const std::string& label : settings.labels) {
    prepared.report.labels[label] = 0;
  }
  for (const Record& record : records) {
    ++prepared.report.labels[label_of(record)];
  }
  for (const auto& [label, count] : prepared.report.labels) {
    prepared.labels.push_back(label);
    if (count < kRowsOfClassAdvised) {
      prepared.report.advice.push_back("label \"" + excerpt(label) + "\" has " + std::to_string(count) +
                                       " rows: too few to learn or to judge; is it misspelt?");
    }
  }
  if (prepared.labels.size() == 1) {
    prepared.report.advice.push_back("all rows have the same label: there is nothing to tell apart");
  }
}

// As the legacy tool tells classifications: fewer answers than a third of the rows.
bool labels_are_classes(const std::vector<Record>& records) {
  std::set<std::string_view> labels;
  for (const Record& record : records) {
    labels.insert(record.label);
  }
  return labels.size() * 3 < records.size();
}

// Part of the rows, by the split's seed: the same rows for a smaller fraction are among those of a larger one.
void keep_fraction(double fraction, std::uint64_t seed, std::vector<std::size_t>& rows) {
  if (fraction >= 1 || rows.empty()) {
    return;
  }
  const auto wanted = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(rows.size())));
  Random random(seed ^ 0x6672616374696f6eULL);  // another sequence than that of the split
  for (std::size_t i = rows.size(); i > 1; --i) {
    std::swap(rows[i - 1], rows[random.below(i)]);
  }
  rows.resize(std::max<std::size_t>(wanted, 1));
}

Result<void> split_records(const Settings& settings, const SplitSettings& split, Prepared& prepared,
                           std::vector<Record>& records) {
  const bool by_label = prepared.task == Task::kChat && labels_are_classes(records);
  std::vector<std::string> classes;
  std::vector<std::string> keys;
  for (const Record& record : records) {
    classes.push_back(prepared.task == Task::kClassification ? record.completion
                      : by_label                             ? record.label
                                                             : std::string());
    keys.push_back(record.group);
  }
  LUTHIER_TRY(SplitRows rows, split.group.empty() ? split_rows(classes, split) : split_groups(keys, classes, split));
  keep_fraction(settings.fraction, split.seed, rows.train);
  const auto take = [&](const std::vector<std::size_t>& indexes, std::vector<Record>& target) {
    for (const std::size_t index : indexes) {
      target.push_back(std::move(records[index]));
    }
    return static_cast<std::int64_t>(indexes.size());
  };
  prepared.report.rows.train = take(rows.train, prepared.train);
  prepared.report.rows.validation = take(rows.validation, prepared.validation);
  prepared.report.rows.test = take(rows.test, prepared.test);
  return {};
}

// What prompts end with: where a separator was added or is known, it alone, not what happens to stand before it.
std::string separator_of(const Draft& draft) {
  const std::string suffix = common_suffix(draft.records, &Record::prompt);
  std::string best;
  for (const std::string_view known : known_separators()) {
    if (suffix.ends_with(known) && known.size() > best.size()) {
      best = known;
    }
  }
  if (!draft.settings.separator.empty() && suffix.ends_with(draft.settings.separator)) {
    best = draft.settings.separator;
  }
  return best.empty() ? suffix : best;
}

// A natural end of sentences belongs to the answer; a mark that was put there does not.
std::string stop_of(const Draft& draft, const Report& report) {
  const std::string& ending = report.ending;
  if (draft.task != Task::kGeneration || ending.empty()) {
    return {};
  }
  if (report.rows_of("ending_added") > 0 || !draft.settings.ending.empty()) {
    for (const Finding& finding : draft.findings) {
      if (finding.repair == Repair::kAddEnding) {
        return finding.text;
      }
    }
    return draft.settings.ending;
  }
  return ending == "\n" || is_known_ending(ending) ? ending : std::string();
}

Result<void> train_tokenizer(const Settings& settings, Prepared& prepared) {
  if (settings.tokenizer_vocab_size == 0) {
    return {};
  }
  if (prepared.task != Task::kText) {
    return Error{ErrorCode::kInvalidArgument,
                 "prepare: `tokenizer` must be left out unless the data is text: other data is tokenized by its "
                 "base model"};
  }
  std::vector<std::string_view> texts;
  for (const Record& record : prepared.train) {
    texts.push_back(record.completion);
  }
  LUTHIER_TRY(prepared.tokenizer_json,
              text::train_byte_level_bpe(texts, settings.tokenizer_vocab_size, {std::string(text::kEndOfText)}));
  return {};
}

Result<void> write_file(const std::filesystem::path& folder, const char* name, std::string_view content) {
  LUTHIER_TRY_VOID(create_folders(folder));
  return write_file_atomically(folder / name, content);
}

// What training and serving need to know about these records (docs/worker-protocol.md, dataset).
std::string dataset_facts(const Prepared& prepared) {
  OrderedJson json = {{"task", name_of(prepared.task)}};
  if (is_pairs(prepared.task)) {
    json["prompt_suffix"] = prepared.report.separator;
    json["completion_prefix"] = prepared.space ? " " : "";
  }
  if (!prepared.stop.empty()) {
    json["stop"] = {prepared.stop};
  }
  if (prepared.task == Task::kClassification) {
    json["labels"] = prepared.labels;
  }
  return json.dump(2) + "\n";
}

}  // namespace

Advice advise(const Draft& draft) {
  const std::vector<Record>& records = draft.records;
  Advice advice;
  if (!is_pairs(draft.task)) {
    advice.shape = Shape::kOpenEnded;
    advice.training_rows = records.size();
    return advice;
  }
  advice.shape = draft.options.shape.value_or(infer_shape(records));
  advice.separator = common_suffix(records, &Record::prompt);
  advice.ending = common_suffix(records, &Record::completion);
  std::map<std::string_view, std::pair<std::int64_t, std::size_t>> counts;  // with the first row of each, negated
  for (std::size_t i = 0; i < records.size(); ++i) {
    ++counts.try_emplace(records[i].completion, 0, i).first->second.first;
  }
  advice.classes = counts.size();
  if (counts.size() == 2) {
    const auto& [first, of_first] = *counts.begin();
    const auto& [second, of_second] = *counts.rbegin();
    const bool first_wins =
        of_first.first != of_second.first ? of_first.first > of_second.first : of_first.second < of_second.second;
    advice.positive_class = first_wins ? first : second;
  }
  const auto rows = static_cast<double>(records.size());
  const auto four_fifths = static_cast<std::size_t>(rows * 0.8);
  advice.training_rows =
      std::max(records.size() > kValidationRowsMax ? records.size() - kValidationRowsMax : 0, four_fifths);
  advice.curie_seconds =
      curie_seconds(advice.shape, records.size(), draft.report.dropped() > draft.report.rows_of("blank_rows"));
  return advice;
}

Result<Prepared> conclude(Draft draft, const SplitSettings& split) {
  Prepared prepared;
  prepared.task = draft.task;
  prepared.report = std::move(draft.report);
  Report& report = prepared.report;
  report.task = name_of(prepared.task);
  report.rows.kept = static_cast<std::int64_t>(draft.records.size());
  LUTHIER_CHECK(report.rows.kept + report.dropped() == report.rows.read);
  count_labels(draft.settings, prepared, draft.records);
  if (is_pairs(prepared.task)) {
    report.shape = name_of(draft.options.shape.value_or(infer_shape(draft.records)));
    report.separator = separator_of(draft);
    report.ending = common_suffix(draft.records, &Record::completion);
    prepared.stop = stop_of(draft, report);
    prepared.space = std::all_of(draft.records.begin(), draft.records.end(),
                                 [](const Record& record) { return record.completion.starts_with(' '); });
  }
  if (report.rows.kept < kRowsAdvised) {
    report.advice.push_back(std::to_string(report.rows.kept) +
                            " rows are few; a few hundred good ones give much better models");
  }
  LUTHIER_TRY_VOID(split_records(draft.settings, split, prepared, draft.records));
  LUTHIER_TRY_VOID(train_tokenizer(draft.settings, prepared));
  return prepared;
}

Result<Prepared> analyze(const Settings& settings) {
  LUTHIER_TRY(Draft draft, read_draft(settings));
  LUTHIER_TRY_VOID(repair(draft, [&](const Finding& finding) { return !declines(settings, finding.code); }));
  return conclude(std::move(draft), settings.split);
}

std::string to_lines(const std::vector<Record>& records, Task task) {
  std::string lines;
  for (const Record& record : records) {
    if (task == Task::kChat) {
      lines += record.completion + "\n";
      continue;
    }
    const OrderedJson json = task == Task::kText
                                 ? OrderedJson{{"text", record.completion}}
                                 : OrderedJson{{"prompt", record.prompt}, {"completion", record.completion}};
    lines += json.dump() + "\n";
  }
  return lines;
}

Result<void> write_prepared(const Prepared& prepared, const std::filesystem::path& folder) {
  for (const auto& [name, records] : {std::pair<const char*, const std::vector<Record>*>{"train", &prepared.train},
                                      {"validation", &prepared.validation},
                                      {"test", &prepared.test}}) {
    if (!records->empty()) {
      LUTHIER_TRY_VOID(write_file(folder / name, "data.jsonl", to_lines(*records, prepared.task)));
      LUTHIER_TRY_VOID(write_file(folder / name, "dataset.json", dataset_facts(prepared)));
    }
  }
  if (!prepared.tokenizer_json.empty()) {
    LUTHIER_TRY_VOID(write_file(folder / "tokenizer", "tokenizer.json", prepared.tokenizer_json));
    LUTHIER_TRY_VOID(
        write_file(folder / "tokenizer", "tokenizer_config.json", text::tokenizer_config_json(text::kEndOfText)));
  }
  return write_report(prepared.report, folder / "report");
}

Result<void> write_report(const Report& report, const std::filesystem::path& folder) {
  LUTHIER_TRY_VOID(write_file(folder, "report.json", report.to_json().dump(2) + "\n"));
  LUTHIER_TRY_VOID(write_file(folder, "report.md", report.to_markdown()));
  return report.changes.write(folder);
}

Json outputs_of(const Prepared& prepared, const std::filesystem::path& folder) {
  const auto artifact = [&](const char* name, const char* kind) {
    return Json{{"$path", (folder / name).string()}, {"kind", kind}};
  };
  const RowCounts& rows = prepared.report.rows;
  Json outputs = {{"report", artifact("report", "report")},
                  {"task", std::string(name_of(prepared.task))},
                  {"rows",
                   {{"read", rows.read},
                    {"kept", rows.kept},
                    {"train", rows.train},
                    {"validation", rows.validation},
                    {"test", rows.test}}}};
  const auto add_part = [&](const char* name, const std::vector<Record>& records) {
    if (!records.empty()) {
      outputs[name] = artifact(name, "dataset");
    }
  };
  add_part("train", prepared.train);
  add_part("validation", prepared.validation);
  add_part("test", prepared.test);
  if (!prepared.tokenizer_json.empty()) {
    outputs["tokenizer"] = artifact("tokenizer", "tokenizer");
  }
  if (is_pairs(prepared.task)) {
    outputs["separator"] = prepared.report.separator;
  }
  if (prepared.task == Task::kClassification) {
    outputs["labels"] = prepared.labels;
  }
  return outputs;
}

}  // namespace luthier::data
