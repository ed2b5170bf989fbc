#include "pipelines/data/prepare.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/file.h"
#include "pipelines/data/read/formats.h"
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

std::string label_of(const std::string& completion) {
  return completion.starts_with(' ') ? completion.substr(1) : completion;
}

void count_labels(const Settings& settings, const Facts& facts, Prepared& prepared) {
  if (prepared.task != Task::kClassification) {
    return;
  }
  for (const std::string& label : settings.labels) {
    prepared.report.labels[label] = 0;
  }
  const Tally& classes = facts.classes.names;
  for (std::size_t i = 0; i < classes.size(); ++i) {
    prepared.report.labels[label_of(classes.name(i))] += static_cast<std::int64_t>(classes.count(i));
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

// Of classifications, and of conversations whose last answers look like classes as the legacy tool tells them: fewer
// than a third of the rows.
RowValues classes_of(Task task, const Facts& facts) {
  const NamedRows& classes = facts.classes;
  const bool like_classes = !classes.names.overflowed() && classes.names.size() * 3 < facts.rows.size();
  if (task != Task::kClassification && !(task == Task::kChat && like_classes)) {
    return {};
  }
  return {&classes.numbers, classes.names.by_name()};
}

Result<void> split(const Settings& settings, const SplitSettings& split, Facts& facts, Prepared& prepared) {
  const SplitScratch scratch{prepared.records->folder(), prepared.records->memory_bytes(),
                             prepared.records->size() <= std::numeric_limits<std::uint32_t>::max()};
  const bool whole = split.keep_order && split.validation <= 0 && split.test <= 0 && !split.validation_rows;
  SplitRows rows;
  if (whole) {
    rows.train = std::move(facts.rows);
  } else {
    const RowValues classes = classes_of(prepared.task, facts);
    const RowValues groups{&facts.groups.numbers, facts.groups.names.by_name()};
    LUTHIER_TRY(rows, split.group.empty() ? split_rows(facts.rows, classes, split, scratch)
                                          : split_groups(facts.rows, groups, classes, split, scratch));
  }
  LUTHIER_TRY_VOID(keep_fraction(settings.fraction, split.seed, scratch, rows.train));
  prepared.train = {std::move(rows.train), split.keep_order && settings.fraction >= 1};
  prepared.validation = {std::move(rows.validation), split.keep_order};
  prepared.test = {std::move(rows.test), split.keep_order};
  prepared.report.rows.train = static_cast<std::int64_t>(prepared.train.size());
  prepared.report.rows.validation = static_cast<std::int64_t>(prepared.validation.size());
  prepared.report.rows.test = static_cast<std::int64_t>(prepared.test.size());
  return {};
}

// What prompts end with: where a separator was added or is known, it alone, not what happens to stand before it.
std::string separator_of(const Draft& draft) {
  const std::string& suffix = draft.facts->prompt_suffix;
  std::string best;
  for (const std::string_view known : kKnownSeparators) {
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
  LUTHIER_TRY(auto words, text::WordCounts::make({std::string(text::kEndOfText)}));
  LUTHIER_TRY_VOID(
      for_each_record(prepared, prepared.train, [&](const Record& record) { return words.add(record.completion); }));
  LUTHIER_TRY(prepared.tokenizer_json, text::train_byte_level_bpe(words, settings.tokenizer_vocab_size));
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
  const Facts& facts = draft.facts.value();
  const std::size_t rows = facts.rows.size();
  Advice advice;
  if (!is_pairs(draft.task)) {
    advice.shape = Shape::kOpenEnded;
    advice.training_rows = rows;
    return advice;
  }
  advice.shape = draft.options.shape.value_or(facts.shape);
  advice.separator = facts.prompt_suffix;
  advice.ending = facts.completion_suffix;
  advice.classes = facts.different_completions;
  const Tally& classes = facts.classes.names;
  if (!classes.overflowed() && classes.size() == 2) {  // of two that are equally frequent: the one that comes first
    advice.positive_class = classes.name(classes.count(1) > classes.count(0) ? 1 : 0);
  }
  const auto four_fifths = static_cast<std::size_t>(static_cast<double>(rows) * 0.8);
  advice.training_rows = std::max(rows > kValidationRowsMax ? rows - kValidationRowsMax : 0, four_fifths);
  advice.curie_seconds = curie_seconds(advice.shape, rows, draft.report.dropped() > draft.report.rows_of("blank_rows"));
  return advice;
}

Result<Prepared> conclude(Draft draft, const SplitSettings& split_settings) {
  Facts& facts = draft.facts.value();
  Prepared prepared;
  prepared.task = draft.task;
  prepared.records = std::move(draft.records);
  prepared.report = std::move(draft.report);
  Report& report = prepared.report;
  report.task = name_of(prepared.task);
  report.rows.kept = static_cast<std::int64_t>(facts.rows.size());
  LUTHIER_CHECK(report.rows.kept + report.dropped() == report.rows.read);
  if (prepared.task == Task::kClassification && facts.classes.names.overflowed()) {
    return Error{ErrorCode::kInvalidArgument, report.files.front().file + ": more than " + std::to_string(kClassesMax) +
                                                  " different completions, or very long ones, are no classes; say "
                                                  "task: generation"};
  }
  count_labels(draft.settings, facts, prepared);
  if (is_pairs(prepared.task)) {
    report.shape = name_of(draft.options.shape.value_or(facts.shape));
    report.separator = separator_of(draft);
    report.ending = facts.completion_suffix;
    prepared.stop = stop_of(draft, report);
    prepared.space = facts.all_begin_with_space;
  }
  if (report.rows.kept < kRowsAdvised) {
    report.advice.push_back(std::to_string(report.rows.kept) +
                            " rows are few; a few hundred good ones give much better models");
  }
  LUTHIER_TRY_VOID(split(draft.settings, split_settings, facts, prepared));
  LUTHIER_TRY_VOID(train_tokenizer(draft.settings, prepared));
  return prepared;
}

Result<Prepared> analyze(const Settings& settings) {
  LUTHIER_TRY(Draft draft, read_draft(settings));
  LUTHIER_TRY_VOID(repair(draft, [&](const Finding& finding) { return !declines(settings, finding.code); }));
  return conclude(std::move(draft), settings.split);
}

Result<void> for_each_record(const Prepared& prepared, const Part& part,
                             const std::function<Result<void>(const Record&)>& take) {
  if (!part.rising) {
    return part.rows.for_each([&](std::uint64_t row) -> Result<void> {
      LUTHIER_TRY(const Record record, prepared.records->at(row));
      return take(record);
    });
  }
  Report ignored;  // all has been reported
  std::uint64_t next = 0;
  return prepared.records->for_each(ignored, [&](std::uint64_t row, const Record& record) -> Result<void> {
    if (next == part.size()) {
      return {};
    }
    LUTHIER_TRY(const std::uint64_t wanted, part.rows.get(next));
    if (wanted != row) {
      return {};
    }
    ++next;
    return take(record);
  });
}

Result<void> write_lines(const Prepared& prepared, const Part& part, OutputFile& file) {
  std::string line;
  return for_each_record(prepared, part, [&](const Record& record) {
    line.clear();
    if (prepared.task == Task::kChat) {
      line = record.completion;
    } else if (prepared.task == Task::kText) {
      line = "{\"text\":";
      read::append_json_string(line, record.completion);
      line += '}';
    } else {
      line = "{\"prompt\":";
      read::append_json_string(line, record.prompt);
      line += ",\"completion\":";
      read::append_json_string(line, record.completion);
      line += '}';
    }
    line += '\n';
    return file.append(line);
  });
}

Result<void> write_prepared(const Prepared& prepared, const std::filesystem::path& folder) {
  for (const auto& [name, part] : {std::pair<const char*, const Part*>{"train", &prepared.train},
                                   {"validation", &prepared.validation},
                                   {"test", &prepared.test}}) {
    if (!part->empty()) {
      LUTHIER_TRY_VOID(create_folders(folder / name));
      LUTHIER_TRY(OutputFile file, OutputFile::create(folder / name / "data.jsonl"));
      LUTHIER_TRY_VOID(write_lines(prepared, *part, file));
      LUTHIER_TRY_VOID(file.commit());
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
  const auto add_part = [&](const char* name, const Part& part) {
    if (!part.empty()) {
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
