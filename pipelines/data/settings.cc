#include "pipelines/data/settings.h"

#include <algorithm>
#include <initializer_list>

#include "pipelines/data/validators.h"

namespace luthier::data {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kLabelsMax = 10'000;

Error wrong(const std::string& name, const std::string& expected) {
  return {ErrorCode::kInvalidArgument, "prepare: `" + name + "` must be " + expected};
}

Result<void> refuse_unknown(const Json& object, const std::string& prefix,
                            std::initializer_list<std::string_view> known) {
  if (!object.is_object()) {
    return wrong(prefix.empty() ? "with" : prefix.substr(0, prefix.size() - 1), "a mapping");
  }
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      std::string list;
      for (const std::string_view one : known) {
        list += (list.empty() ? "" : ", ") + std::string(one);
      }
      return Error{ErrorCode::kInvalidArgument,
                   "prepare: `" + prefix + name + "` is not a setting; there are: " + list};
    }
  }
  return {};
}

// nullptr when the member is absent or null.
const Json* find(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<void> read_string(const Json& object, const char* name, const std::string& prefix, std::string& value) {
  if (const Json* found = find(object, name)) {
    if (!found->is_string()) {
      return wrong(prefix + name, "a string");
    }
    value = found->get<std::string>();
  }
  return {};
}

Result<void> read_fraction(const Json& split, const char* name, double& value) {
  if (const Json* found = find(split, name)) {
    if (!found->is_number() || !(found->get<double>() >= 0) || !(found->get<double>() < 1)) {
      return wrong(std::string("split.") + name, "a fraction from 0 to less than 1");
    }
    value = found->get<double>();
  }
  return {};
}

Result<void> read_split(const Json& with, SplitSettings& split) {
  const Json* json = find(with, "split");
  if (json == nullptr) {
    return {};
  }
  LUTHIER_TRY_VOID(refuse_unknown(*json, "split.", {"validation", "test", "seed", "group"}));
  LUTHIER_TRY_VOID(read_string(*json, "group", "split.", split.group));
  LUTHIER_TRY_VOID(read_fraction(*json, "validation", split.validation));
  LUTHIER_TRY_VOID(read_fraction(*json, "test", split.test));
  if (split.validation + split.test >= 1) {
    return wrong("split", "such that validation and test together stay below 1: the rest is for training");
  }
  if (const Json* seed = find(*json, "seed")) {
    if (!seed->is_number_integer() || (!seed->is_number_unsigned() && seed->get<std::int64_t>() < 0)) {
      return wrong("split.seed", "a whole number from 0");
    }
    split.seed = seed->get<std::uint64_t>();
  }
  return {};
}

Result<void> read_format_and_task(const Json& with, Settings& settings) {
  std::string format;
  LUTHIER_TRY_VOID(read_string(with, "format", "", format));
  if (!format.empty()) {
    settings.format = read::file_format_named(format);
    if (!settings.format.has_value()) {
      return wrong("format", "csv, tsv, json, jsonl, txt or xlsx, not \"" + format + "\"");
    }
  }
  std::string task;
  LUTHIER_TRY_VOID(read_string(with, "task", "", task));
  for (const Task known : {Task::kClassification, Task::kGeneration, Task::kText, Task::kChat}) {
    if (task == name_of(known)) {
      settings.task = known;
    }
  }
  if (!task.empty() && !settings.task.has_value()) {
    return wrong("task", "classification, generation, text or chat, not \"" + task + "\"");
  }
  return {};
}

Result<void> read_strings(const Json& json, const char* name, std::vector<std::string>& texts) {
  if (!json.is_array() || json.size() > kLabelsMax) {
    return wrong(name, "a list of strings");
  }
  for (const Json& text : json) {
    if (!text.is_string() || text.get_ref<const std::string&>().empty()) {
      return wrong(name, "a list of strings, none of them empty");
    }
    texts.push_back(text.get<std::string>());
  }
  return {};
}

Result<void> check_declined(const std::string& code) {
  const std::vector<std::string>& known = recommended_codes();
  if (code == kDeclineAll || std::find(known.begin(), known.end(), code) != known.end()) {
    return {};
  }
  std::string list;
  for (const std::string& one : known) {
    list += (list.empty() ? "" : ", ") + one;
  }
  return wrong("decline", "a list of recommended repairs; there is no \"" + code + "\", only: all, " + list);
}

Result<void> read_repairs(const Json& with, Settings& settings) {
  if (const Json* clean = find(with, "clean")) {
    if (!clean->is_boolean()) {
      return wrong("clean", "true or false");
    }
    settings.clean = clean->get<bool>();
  }
  if (const Json* decline = find(with, "decline")) {
    LUTHIER_TRY_VOID(read_strings(*decline, "decline", settings.decline));
    for (const std::string& code : settings.decline) {
      LUTHIER_TRY_VOID(check_declined(code));
    }
  }
  LUTHIER_TRY_VOID(read_string(with, "separator", "", settings.separator));
  LUTHIER_TRY_VOID(read_string(with, "ending", "", settings.ending));
  std::string turns;
  LUTHIER_TRY_VOID(read_string(with, "turns", "", turns));
  if (!turns.empty() && turns != "chats" && turns != "prompts") {
    return wrong("turns", "chats or prompts, not \"" + turns + "\"");
  }
  settings.turns = turns.empty() ? Turns::kKeep : turns == "chats" ? Turns::kChats : Turns::kPrompts;
  if (const Json* fraction = find(with, "fraction")) {
    if (!fraction->is_number() || !(fraction->get<double>() > 0) || !(fraction->get<double>() <= 1)) {
      return wrong("fraction", "above 0 and at most 1");
    }
    settings.fraction = fraction->get<double>();
  }
  return {};
}

Result<void> read_tokenizer(const Json& with, Settings& settings) {
  const Json* tokenizer = find(with, "tokenizer");
  if (tokenizer == nullptr) {
    return {};
  }
  LUTHIER_TRY_VOID(refuse_unknown(*tokenizer, "tokenizer.", {"vocab_size"}));
  const Json* size = find(*tokenizer, "vocab_size");
  if (size == nullptr || !size->is_number_integer() || size->get<std::int64_t>() < 257 ||
      size->get<std::int64_t>() > 1'000'000) {
    return wrong("tokenizer.vocab_size", "a whole number from 257 (the bytes and the end-of-text token) to 1000000");
  }
  settings.tokenizer_vocab_size = size->get<std::size_t>();
  return {};
}

}  // namespace

std::string_view name_of(Task task) {
  switch (task) {
    case Task::kClassification: return "classification";
    case Task::kGeneration: return "generation";
    case Task::kText: return "text";
    case Task::kChat: return "chat";
  }
  return "";
}

bool declines(const Settings& settings, std::string_view code) {
  return std::any_of(settings.decline.begin(), settings.decline.end(),
                     [code](const std::string& declined) { return declined == code || declined == kDeclineAll; });
}

Result<Settings> parse_settings(const Json& with) {
  LUTHIER_TRY_VOID(refuse_unknown(with, "",
                                  {"source", "format", "task", "columns", "labels", "clean", "decline", "separator",
                                   "ending", "turns", "fraction", "split", "tokenizer"}));
  Settings settings;
  const Json* source = find(with, "source");
  std::string path;
  if (source != nullptr && source->is_object()) {
    LUTHIER_TRY_VOID(read_string(*source, "$path", "source.", path));
  }
  if (path.empty()) {
    return wrong("source", "the files to prepare (an artifact of kind source)");
  }
  settings.source = path;
  LUTHIER_TRY_VOID(read_format_and_task(with, settings));
  if (const Json* columns = find(with, "columns")) {
    LUTHIER_TRY_VOID(refuse_unknown(*columns, "columns.", {"prompt", "completion", "text"}));
    LUTHIER_TRY_VOID(read_string(*columns, "prompt", "columns.", settings.prompt_column));
    LUTHIER_TRY_VOID(read_string(*columns, "completion", "columns.", settings.completion_column));
    LUTHIER_TRY_VOID(read_string(*columns, "text", "columns.", settings.text_column));
  }
  if (const Json* labels = find(with, "labels")) {
    LUTHIER_TRY_VOID(read_strings(*labels, "labels", settings.labels));
  }
  LUTHIER_TRY_VOID(read_repairs(with, settings));
  LUTHIER_TRY_VOID(read_split(with, settings.split));
  LUTHIER_TRY_VOID(read_tokenizer(with, settings));
  if (!settings.text_column.empty()) {
    if (!settings.prompt_column.empty() || !settings.completion_column.empty() ||
        settings.task.value_or(Task::kText) != Task::kText) {
      return wrong("columns.text", "left out beside prompt and completion: it is for task text only");
    }
    settings.task = Task::kText;
  }
  if (settings.tokenizer_vocab_size != 0 && settings.task.has_value() && *settings.task != Task::kText) {
    return wrong("tokenizer", "left out unless `task` is text: other data is tokenized by its base model");
  }
  return settings;
}

}  // namespace luthier::data
