// Where a model keeps its template and the names of its special tokens.
#include <algorithm>

#include "base/file.h"
#include "pipelines/text/chat/chat_template.h"
#include "pipelines/text/chat/plain_template.h"

namespace luthier::text {
namespace {

constexpr std::size_t kFileBytesMax = std::size_t{16} << 20U;

// Parsed JSON of an optional file; null when there is none.
Result<ChatJson> read_json(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return ChatJson();
  }
  LUTHIER_TRY(const std::string text, read_file(path, kFileBytesMax));
  ChatJson parsed = ChatJson::parse(text, nullptr, false);
  if (parsed.is_discarded()) {
    return Error{ErrorCode::kInvalidArgument, path.string() + ": this is not JSON"};
  }
  return parsed;
}

// A token is written as text, or as an object with its text as `content`.
void add_token(ChatJson& tokens, const std::string& name, const ChatJson& value) {
  if (value.is_string()) {
    tokens[name] = value;
  } else if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    tokens[name] = value["content"];
  }
}

ChatJson special_tokens_of(const ChatJson& config, const ChatJson& map) {
  ChatJson tokens = ChatJson::object();
  for (const ChatJson* source : {&map, &config}) {
    for (const char* name :
         {"bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"}) {
      if (source->is_object() && source->contains(name)) {
        add_token(tokens, name, source->at(name));
      }
    }
  }
  return tokens;
}

Result<ChatJson> special_tokens_in(const std::filesystem::path& folder) {
  LUTHIER_TRY(const ChatJson config, read_json(folder / "tokenizer_config.json"));
  LUTHIER_TRY(const ChatJson map, read_json(folder / "special_tokens_map.json"));
  return special_tokens_of(config, map);
}

Result<std::vector<ChatTemplate::Source>> named_sources(const ChatJson& value, const std::string& file) {
  std::vector<ChatTemplate::Source> sources;
  if (value.is_string()) {
    sources.push_back({"default", file, value.get<std::string>()});
    return sources;
  }
  const auto member = [](const ChatJson& entry, const char* name) {
    return entry.is_object() && entry.contains(name) && entry[name].is_string();
  };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), [&](const ChatJson& entry) {
        return member(entry, "name") && member(entry, "template");
      })) {
    return Error{ErrorCode::kInvalidArgument,
                 file + ": `chat_template` is a text, or a list of objects with `name` and `template`"};
  }
  for (const ChatJson& entry : value) {
    const auto name = entry["name"].get<std::string>();
    sources.push_back({name, file + " (" + name + ")", entry["template"].get<std::string>()});
  }
  return sources;
}

// chat_template.jinja first, as transformers reads them, with those of additional_chat_templates beside it.
Result<std::vector<ChatTemplate::Source>> sources_in(const std::filesystem::path& folder, const ChatJson& config) {
  std::error_code ignored;
  const std::filesystem::path file = folder / "chat_template.jinja";
  if (!std::filesystem::exists(file, ignored)) {
    if (config.is_object() && config.contains("chat_template") && !config["chat_template"].is_null()) {
      return named_sources(config["chat_template"], "chat_template");
    }
    return Error{ErrorCode::kNotFound, folder.string() + " has no chat template: neither chat_template.jinja nor " +
                                           "`chat_template` in tokenizer_config.json"};
  }
  std::vector<ChatTemplate::Source> sources;
  LUTHIER_TRY(std::string text, read_file(file, kFileBytesMax));
  sources.push_back({"default", "chat_template.jinja", std::move(text)});
  const std::filesystem::path named = folder / "additional_chat_templates" / "tool_use.jinja";
  if (std::filesystem::exists(named, ignored)) {
    LUTHIER_TRY(std::string tool_use, read_file(named, kFileBytesMax));
    sources.push_back({"tool_use", "tool_use.jinja", std::move(tool_use)});
  }
  return sources;
}

}  // namespace

Result<ChatTemplate> ChatTemplate::load_plain(const std::filesystem::path& folder) {
  LUTHIER_TRY(ChatJson tokens, special_tokens_in(folder));
  if (!tokens.contains("eos_token")) {
    return Error{ErrorCode::kInvalidArgument,
                 "the model has no chat template, and its tokenizer_config.json names no eos_token, which the template "
                 "for such models ends turns with: add one of the two"};
  }
  return parse({{"default", "the template for models without one", std::string(plain_chat_template())}},
               std::move(tokens));
}

Result<ChatTemplate> ChatTemplate::load(const std::filesystem::path& path, const std::filesystem::path& folder) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  const std::filesystem::path tokens_folder = is_folder ? path : folder.empty() ? path.parent_path() : folder;
  LUTHIER_TRY(ChatJson tokens, special_tokens_in(tokens_folder));
  if (is_folder) {
    LUTHIER_TRY(const ChatJson config, read_json(path / "tokenizer_config.json"));
    LUTHIER_TRY(const std::vector<Source> sources, sources_in(path, config));
    return parse(sources, std::move(tokens));
  }
  LUTHIER_TRY(std::string text, read_file(path, kFileBytesMax));
  return parse({{"default", path.filename().string(), std::move(text)}}, std::move(tokens));
}

}  // namespace luthier::text
