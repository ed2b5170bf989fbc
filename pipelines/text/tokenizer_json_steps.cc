#include <algorithm>
#include <limits>

#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text::members {
namespace {

constexpr std::size_t kSplitRulesMax = 64;

Result<void> add_rule(const std::string& pattern, bool drop_between, const std::string& where,
                      PreTokenizer& pretokenizer) {
  auto regex = Regex::compile(pattern);
  if (!regex) {
    return refuse(where, "cannot be used: " + regex.error().message);
  }
  pretokenizer.rules.push_back({std::move(regex).value(), drop_between});
  return {};
}

Result<void> read_split(const Json& split, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(split, where, {"type", "pattern", "behavior", "invert"}));
  const Json& pattern = member(split, "pattern");
  const Json& regex = pattern.is_object() ? member(pattern, "Regex") : pattern;
  if (!pattern.is_object() || pattern.size() != 1 || !regex.is_string()) {
    return refuse(where + ".pattern", "must be {\"Regex\": \"…\"}");
  }
  LUTHIER_TRY(const bool invert, read_bool(split, where, "invert", false));
  const Json& behavior = member(split, "behavior");
  const bool isolated = behavior == "Isolated" && !invert;
  const bool matches_only = behavior == "Removed" && invert;
  if (!isolated && !matches_only) {
    return refuse(where + ".behavior", "must be Isolated, or Removed with invert, not " + brief(behavior));
  }
  return add_rule(regex.get<std::string>(), matches_only, where + ".pattern.Regex", pretokenizer);
}

Result<void> read_digits(const Json& digits, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(digits, where, {"type", "individual_digits"}));
  LUTHIER_TRY(const bool individual, read_bool(digits, where, "individual_digits", false));
  return add_rule(individual ? R"(\p{N})" : R"(\p{N}+)", false, where, pretokenizer);
}

Result<void> read_byte_level(const Json& byte_level, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(byte_level, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  LUTHIER_TRY(const bool add_prefix_space, read_bool(byte_level, where, "add_prefix_space", true));
  if (add_prefix_space && !pretokenizer.rules.empty()) {
    return refuse(where + ".add_prefix_space", "is not supported after a Split");
  }
  pretokenizer.add_prefix_space = add_prefix_space;
  LUTHIER_TRY(const bool use_regex, read_bool(byte_level, where, "use_regex", true));
  if (!use_regex) {
    return {};
  }
  return add_rule(std::string(kGpt2Pattern), false, where, pretokenizer);
}

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

Result<void> read_normalizer(const Json& normalizer, TokenizerParts& parts) {
  if (normalizer.is_null()) {
    return {};
  }
  const std::string type = type_of(normalizer);
  if (type == "Sequence" && member(normalizer, "normalizers") == Json::array()) {
    return {};
  }
  if (type != "NFC") {
    return refuse("normalizer", "of type \"" + type + "\" is not supported (null or NFC is)");
  }
  parts.nfc = true;
  return {};
}

Result<void> read_pre_tokenizer(const Json& json, TokenizerParts& parts) {
  const std::string type = type_of(json);
  if (type == "ByteLevel") {
    return read_byte_level(json, "pre_tokenizer", parts.pretokenizer);
  }
  const Json& steps = json.is_object() ? member(json, "pretokenizers") : json;
  if (type != "Sequence" || !steps.is_array() || steps.empty()) {
    return refuse("pre_tokenizer", "must be ByteLevel, or a Sequence that ends in it, not " +
                                       (type.empty() ? brief(json) : "\"" + type + "\""));
  }
  if (steps.size() > kSplitRulesMax) {
    return refuse("pre_tokenizer.pretokenizers", "has more than " + std::to_string(kSplitRulesMax) + " members");
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string where = "pre_tokenizer.pretokenizers[" + std::to_string(i) + "]";
    const std::string step = type_of(steps[i]);
    const bool last = i + 1 == steps.size();
    if (step == "ByteLevel" && last) {
      return read_byte_level(steps[i], where, parts.pretokenizer);
    }
    if (step == "Split" && !last) {
      LUTHIER_TRY_VOID(read_split(steps[i], where, parts.pretokenizer));
    } else if (step == "Digits" && !last) {
      LUTHIER_TRY_VOID(read_digits(steps[i], where, parts.pretokenizer));
    } else {
      return refuse(where,
                    last ? "must be ByteLevel" : "of type \"" + step + "\" is not supported (Split and Digits are)");
    }
  }
  return {};
}

Result<void> read_post_processor(const Json& post_processor, TokenizerParts& parts) {
  return read_processor(post_processor, "post_processor", false, parts);
}

}  // namespace luthier::text::members
