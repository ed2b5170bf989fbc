#include "pipelines/data/prepare.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/file.h"
#include "pipelines/data/readers.h"
#include "pipelines/data/source.h"
#include "pipelines/data/split.h"
#include "pipelines/text/trainer.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

// Below these the fine-tuning guides advise to collect more.
constexpr std::int64_t kRowsAdvised = 100;
constexpr std::int64_t kRowsOfClassAdvised = 10;

Result<Table> read_table(const SourceFile& file, const Settings& settings) {
  switch (file.format) {
    case Format::kCsv: return read_csv(file.text, file.name, ',');
    case Format::kTsv: return read_csv(file.text, file.name, '\t');
    case Format::kJson: return read_json(file.text, file.name);
    case Format::kJsonLines: return read_json_lines(file.text, file.name);
    case Format::kText: break;
  }
  const bool lines = settings.task.has_value() && *settings.task != Task::kText;
  return read_text(file.text, file.name, lines ? TextUnit::kLine : TextUnit::kParagraph, lines ? "completion" : "text");
}

// All records of the source; `is_text` says whether they are text for pretraining.
Result<std::vector<Record>> read_records(const Settings& settings, Report& report, bool& is_text) {
  LUTHIER_TRY(const std::vector<SourceFile> files, read_source(settings.source, settings.format));
  std::vector<Record> records;
  std::set<std::string> separators;
  for (std::size_t i = 0; i < files.size(); ++i) {
    LUTHIER_TRY(const Table table, read_table(files[i], settings));
    const auto rows = static_cast<std::int64_t>(table.rows.size());
    report.files.push_back({files[i].name, std::string(name_of(files[i].format)), rows});
    report.rows.read += rows;
    bool file_is_text = false;
    report.separator.clear();
    LUTHIER_TRY_VOID(take_records(table, settings, report, records, file_is_text));
    separators.insert(report.separator);
    if (i > 0 && file_is_text != is_text) {
      return Error{ErrorCode::kInvalidArgument, files[i].name +
                                                    ": prompts and completions cannot be mixed with plain text (" +
                                                    files[0].name + "); prepare them in separate steps"};
    }
    is_text = file_is_text;
  }
  if (separators.size() > 1) {
    report.separator.clear();  // the files disagree: one is chosen anew for all
  }
  return records;
}

Result<void> require_rows(const std::vector<Record>& records, const Report& report) {
  if (!records.empty()) {
    return {};
  }
  std::string reasons;
  for (const Remedy& remedy : report.remedies()) {
    if (remedy.drops_rows) {
      reasons += (reasons.empty() ? " (" : ", ") + remedy.code + " " + std::to_string(remedy.rows);
    }
  }
  return Error{ErrorCode::kInvalidArgument, report.files.front().file +
                                                ":1: no usable rows: " + std::to_string(report.rows.read) +
                                                " read, all dropped" + (reasons.empty() ? "" : reasons + ")") +
                                                "; check that the file has prompts with labels under its header"};
}

Result<void> repair(const Settings& settings, bool is_text, Prepared& prepared, std::vector<Record>& records) {
  Report& report = prepared.report;
  trim_whitespace(report, records);
  drop_missing_completions(report, records);
  if (is_text) {
    prepared.task = Task::kText;
    drop_duplicates(false, report, records);
    return {};
  }
  const bool classes = settings.task == Task::kClassification || !settings.labels.empty() ||
                       (!settings.task.has_value() && looks_like_classification(records));
  prepared.task = classes ? Task::kClassification : Task::kGeneration;
  if (classes) {
    drop_missing_prompts(report, records);
    LUTHIER_TRY_VOID(unite_labels(settings.labels, report, records));
  }
  drop_duplicates(classes, report, records);
  if (classes) {
    drop_conflicts(report, records);
  }
  return {};
}

void count_labels(const Settings& settings, Prepared& prepared, const std::vector<Record>& records) {
  if (prepared.task != Task::kClassification) {
    return;
  }
  for (const std::string& label : settings.labels) {
    prepared.report.labels[label] = 0;
  }
  for (const Record& record : records) {
    ++prepared.report.labels[record.completion];
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

Result<void> split(const Settings& settings, Prepared& prepared, std::vector<Record>& records) {
  std::vector<std::string> groups;
  for (const Record& record : records) {
    groups.push_back(prepared.task == Task::kClassification ? record.completion : std::string());
  }
  LUTHIER_TRY(const SplitRows rows, split_rows(groups, settings.split));
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

std::string to_lines(const std::vector<Record>& records, Task task) {
  std::string lines;
  for (const Record& record : records) {
    const OrderedJson json = task == Task::kText
                                 ? OrderedJson{{"text", record.completion}}
                                 : OrderedJson{{"prompt", record.prompt}, {"completion", record.completion}};
    lines += json.dump() + "\n";
  }
  return lines;
}

Result<void> write_file(const std::filesystem::path& folder, const char* name, std::string_view content) {
  LUTHIER_TRY_VOID(create_folders(folder));
  return write_file_atomically(folder / name, content);
}

// What training and serving need to know about these records (docs/worker-protocol.md, dataset).
std::string dataset_facts(const Prepared& prepared) {
  OrderedJson json = {{"task", name_of(prepared.task)}};
  if (prepared.task != Task::kText) {
    json["prompt_suffix"] = prepared.report.separator;
    json["completion_prefix"] = " ";
  }
  if (prepared.task == Task::kClassification) {
    json["labels"] = prepared.labels;
  }
  return json.dump(2) + "\n";
}

}  // namespace

Result<Prepared> analyze(const Settings& settings) {
  Prepared prepared;
  bool is_text = false;
  LUTHIER_TRY(std::vector<Record> records, read_records(settings, prepared.report, is_text));
  LUTHIER_TRY_VOID(repair(settings, is_text, prepared, records));
  LUTHIER_TRY_VOID(require_rows(records, prepared.report));
  prepared.report.task = name_of(prepared.task);
  prepared.report.rows.kept = static_cast<std::int64_t>(records.size());
  LUTHIER_CHECK(prepared.report.rows.kept + prepared.report.dropped() == prepared.report.rows.read);
  count_labels(settings, prepared, records);
  if (prepared.task != Task::kText) {
    add_separator(prepared.report, records);
  }
  if (prepared.report.rows.kept < kRowsAdvised) {
    prepared.report.advice.push_back(std::to_string(prepared.report.rows.kept) +
                                     " rows are few; a few hundred good ones give much better models");
  }
  LUTHIER_TRY_VOID(split(settings, prepared, records));
  LUTHIER_TRY_VOID(train_tokenizer(settings, prepared));
  return prepared;
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
  LUTHIER_TRY_VOID(write_file(folder / "report", "report.json", prepared.report.to_json().dump(2) + "\n"));
  return write_file(folder / "report", "report.md", prepared.report.to_markdown());
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
  if (prepared.task != Task::kText) {
    outputs["separator"] = prepared.report.separator;
  }
  if (prepared.task == Task::kClassification) {
    outputs["labels"] = prepared.labels;
  }
  return outputs;
}

}  // namespace luthier::data
