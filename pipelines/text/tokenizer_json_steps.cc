#include <algorithm>
#include <limits>

#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text::members {
namespace {

// The ids that the template's piece {"SpecialToken": {"id": "<s>"}} stands for.
Result<std::vector<TokenId>> read_template_token(const Json& processor, const Json& piece, const std::string& where) {
  const Json& token = member(piece, "SpecialToken");
  const Json& name = token.is_object() ? member(token, "id") : token;
  const Json& tokens = member(processor, "special_tokens");
  if (!name.is_string() || !tokens.is_object()) {
    return refuse(where, "must be a Sequence or a SpecialToken");
  }
  const Json& entry = member(tokens, name.get_ref<const std::string&>().c_str());
  const Json& ids = entry.is_object() ? member(entry, "ids") : entry;
  std::vector<TokenId> result;
  if (!ids.is_array()) {
    return refuse(where, "needs ids in post_processor.special_tokens");
  }
  for (const Json& id : ids) {
    if (!id.is_number_integer() || id.get<std::int64_t>() < 0 ||
        id.get<std::int64_t>() > std::numeric_limits<TokenId>::max()) {
      return refuse(where, "has an id that is not a whole number from 0");
    }
    result.push_back(id.get<TokenId>());
  }
  if (result.empty()) {
    return refuse(where, "names " + name.dump() + ", which post_processor.special_tokens does not give ids");
  }
  return result;
}

Result<void> read_template(const Json& processor, const std::string& where, TokenizerParts& parts) {
  const Json& pieces = member(processor, "single");
  if (!pieces.is_array() || pieces.size() > 64) {
    return refuse(where + ".single", "must be an array of at most 64 pieces");
  }
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
  int sequences = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const std::string place = where + ".single[" + std::to_string(i) + "]";
    if (pieces[i].is_object() && pieces[i].contains("Sequence")) {
      ++sequences;
      continue;
    }
    if (!pieces[i].is_object()) {
      return refuse(place, "must be an object");
    }
    LUTHIER_TRY(const std::vector<TokenId> ids, read_template_token(processor, pieces[i], place));
    std::vector<TokenId>& target = sequences == 0 ? prefix : suffix;
    target.insert(target.end(), ids.begin(), ids.end());
  }
  if (sequences != 1) {
    return refuse(where + ".single", "must hold the text exactly once");
  }
  parts.prefix_ids.insert(parts.prefix_ids.begin(), prefix.begin(), prefix.end());
  parts.suffix_ids.insert(parts.suffix_ids.end(), suffix.begin(), suffix.end());
  return {};
}

Result<void> read_processor(const Json& json, const std::string& where, bool nested, TokenizerParts& parts) {
  const std::string type = type_of(json);
  if (json.is_null() || type == "ByteLevel") {
    return {};  // ByteLevel changes offsets only
  }
  if (type == "TemplateProcessing") {
    return read_template(json, where, parts);
  }
  if (type == "Sequence" && !nested && member(json, "processors").is_array()) {
    const Json& processors = member(json, "processors");
    for (std::size_t i = 0; i < processors.size(); ++i) {
      LUTHIER_TRY_VOID(read_processor(processors[i], where + ".processors[" + std::to_string(i) + "]", true, parts));
    }
    return {};
  }
  return refuse(where, "of type \"" + type + "\" is not supported (ByteLevel and TemplateProcessing are)");
}

}  // namespace

Error refuse(const std::string& member, const std::string& problem) {
  return {ErrorCode::kInvalidArgument, "tokenizer.json: " + member + " " + problem};
}

const Json& member(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string type_of(const Json& object) {
  const bool typed = object.is_object() && member(object, "type").is_string();
  return typed ? member(object, "type").get<std::string>() : std::string();
}

std::string brief(const Json& value) {
  return value.is_structured() ? std::string(value.type_name()) : value.dump().substr(0, 60);
}

Result<void> refuse_unknown(const Json& object, const std::string& where,
                            std::initializer_list<std::string_view> known) {
  for (const auto& [name, value] : object.items()) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return refuse(where + "." + name, "is not supported");
    }
  }
  return {};
}

Result<bool> read_bool(const Json& object, const std::string& where, const char* name, bool otherwise) {
  const Json& value = member(object, name);
  if (value.is_null()) {
    return otherwise;
  }
  if (!value.is_boolean()) {
    return refuse(where + "." + name, "must be true or false");
  }
  return value.get<bool>();
}

Result<void> require_absent(const Json& object, const std::string& where, const char* name) {
  const Json& value = member(object, name);
  const bool neutral = value.is_null() || value == false || value == "" || (value.is_number() && value == 0);
  if (!neutral) {
    return refuse(where + "." + name, "is not supported when it is " + brief(value));
  }
  return {};
}

Result<std::string> read_string(const Json& object, const std::string& where, const char* name,
                                const std::string& otherwise) {
  const Json& value = member(object, name);
  if (value.is_null()) {
    return otherwise;
  }
  if (!value.is_string()) {
    return refuse(where + "." + name, "must be a string");
  }
  return value.get<std::string>();
}

Result<PatternText> read_pattern(const Json& object, const std::string& where) {
  const Json& pattern = member(object, "pattern");
  if (pattern.is_object() && pattern.size() == 1) {
    for (const char* kind : {"String", "Regex"}) {
      if (member(pattern, kind).is_string()) {
        return PatternText{member(pattern, kind).get<std::string>(), std::string_view(kind) == "Regex"};
      }
    }
  }
  return refuse(where + ".pattern", R"(must be {"Regex": "…"} or {"String": "…"})");
}

Result<void> read_post_processor(const Json& post_processor, TokenizerParts& parts) {
  return read_processor(post_processor, "post_processor", false, parts);
}

}  // namespace luthier::text::members
