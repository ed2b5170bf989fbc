#include "pipelines/text/tokenizer_json.h"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/normalize.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

// A file may leave gaps between ids, but not so many that a small file takes a large memory.
constexpr std::int64_t kIdGapsMax = 1 << 20;
constexpr std::size_t kSplitRulesMax = 64;

Error refuse(const std::string& member, const std::string& problem) {
  return {ErrorCode::kInvalidArgument, "tokenizer.json: " + member + " " + problem};
}

// The member's value; null when it is absent.
const Json& member(const Json& object, const char* name) {
  static const Json kNull;
  const auto found = object.find(name);
  return found == object.end() ? kNull : *found;
}

std::string type_of(const Json& object) {
  const bool typed = object.is_object() && member(object, "type").is_string();
  return typed ? member(object, "type").get<std::string>() : std::string();
}

// A value for a message. Never a nested one: printing those recurses, and the file says how deep.
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

// For members that change the result in ways this tokenizer does not implement.
Result<void> require_absent(const Json& object, const std::string& where, const char* name) {
  const Json& value = member(object, name);
  const bool neutral = value.is_null() || value == false || value == "" || (value.is_number() && value == 0);
  if (!neutral) {
    return refuse(where + "." + name, "is not supported when it is " + brief(value));
  }
  return {};
}

Result<void> add_token(TokenizerParts& parts, const std::string& text, const Json& id_json,
                       const std::string& where) {
  if (!id_json.is_number_integer() || id_json.get<std::int64_t>() < 0 ||
      id_json.get<std::int64_t>() > std::numeric_limits<TokenId>::max()) {
    return refuse(where, "must be a whole number from 0");
  }
  const auto id = id_json.get<std::int64_t>();
  if (id > static_cast<std::int64_t>(parts.ids.size()) + kIdGapsMax) {
    return refuse(where, "is " + std::to_string(id) + ", far beyond the number of tokens");
  }
  const auto index = static_cast<std::size_t>(id);
  if (index >= parts.tokens.size()) {
    parts.tokens.resize(index + 1);
  }
  TokenizerParts::Token& token = parts.tokens[index];
  if (token.exists && token.text != text) {
    return refuse(where, "is " + std::to_string(id) + ", which \"" + token.text + "\" has too");
  }
  token.text = text;
  token.bytes = from_byte_level(text).value_or(text);
  token.exists = true;
  parts.ids[text] = static_cast<TokenId>(id);
  return {};
}

Result<void> read_vocab(const Json& model, TokenizerParts& parts) {
  const Json& vocab = member(model, "vocab");
  if (!vocab.is_object() || vocab.empty()) {
    return refuse("model.vocab", "must be an object of token to id");
  }
  std::int64_t ids_max = 0;
  for (const auto& [text, id] : vocab.items()) {
    ids_max = std::max(ids_max, id.is_number_integer() ? id.get<std::int64_t>() : 0);
  }
  if (ids_max > static_cast<std::int64_t>(vocab.size()) + kIdGapsMax) {
    return refuse("model.vocab", "has id " + std::to_string(ids_max) + ", far beyond its number of tokens");
  }
  parts.tokens.reserve(static_cast<std::size_t>(ids_max) + 1);
  for (const auto& [text, id] : vocab.items()) {
    LUTHIER_TRY_VOID(add_token(parts, text, id, "model.vocab[\"" + text + "\"]"));
  }
  return {};
}

Result<std::vector<Merge>> read_merges(const Json& model, const TokenizerParts& parts) {
  const Json& merges = member(model, "merges");
  if (!merges.is_array()) {
    return refuse("model.merges", "must be an array");
  }
  std::vector<Merge> result;
  result.reserve(merges.size());
  for (std::size_t i = 0; i < merges.size(); ++i) {
    const std::string where = "model.merges[" + std::to_string(i) + "]";
    std::string left;
    std::string right;
    if (merges[i].is_string()) {
      const auto& text = merges[i].get_ref<const std::string&>();
      const std::size_t space = text.find(' ');
      if (space == std::string::npos || text.find(' ', space + 1) != std::string::npos) {
        return refuse(where, "must be two tokens with one space between them");
      }
      left = text.substr(0, space);
      right = text.substr(space + 1);
    } else if (merges[i].is_array() && merges[i].size() == 2 && merges[i][0].is_string() &&
               merges[i][1].is_string()) {
      left = merges[i][0].get<std::string>();
      right = merges[i][1].get<std::string>();
    } else {
      return refuse(where, "must be [\"a\", \"b\"] or \"a b\"");
    }
    Merge merge;
    const auto look_up = [&](const std::string& text, TokenId& id) {
      const auto found = parts.ids.find(text);
      id = found == parts.ids.end() ? -1 : found->second;
      return id >= 0;
    };
    for (const auto& [text, id] : {std::pair<std::string, TokenId*>(left, &merge.left),
                                   std::pair<std::string, TokenId*>(right, &merge.right),
                                   std::pair<std::string, TokenId*>(left + right, &merge.merged)}) {
      if (!look_up(text, *id)) {
        return refuse(where, "names \"" + text + "\", which is not in model.vocab");
      }
    }
    result.push_back(merge);
  }
  return result;
}

Result<void> read_model(const Json& model, TokenizerParts& parts) {
  // Files of before 2023 leave the type out.
  if (!model.is_object() || (type_of(model) != "BPE" && !member(model, "type").is_null())) {
    return refuse("model", "must be of type \"BPE\", not \"" + type_of(model) + "\"");
  }
  LUTHIER_TRY_VOID(refuse_unknown(model, "model",
                                  {"type", "dropout", "unk_token", "continuing_subword_prefix",
                                   "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                                   "merges"}));
  for (const char* name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    LUTHIER_TRY_VOID(require_absent(model, "model", name));
  }
  LUTHIER_TRY(const bool ignore_merges, read_bool(model, "model", "ignore_merges", false));
  LUTHIER_TRY_VOID(read_vocab(model, parts));
  std::array<TokenId, 256> byte_ids{};
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto found = parts.ids.find(byte_level_alphabet()[byte]);
    if (found == parts.ids.end()) {
      return refuse("model.vocab", "has no token for byte " + std::to_string(byte) + " (\"" +
                                       byte_level_alphabet()[byte] + "\"): only byte-level vocabularies are supported");
    }
    byte_ids[byte] = found->second;
  }
  LUTHIER_TRY(const std::vector<Merge> merges, read_merges(model, parts));
  std::unordered_map<std::string, TokenId> whole_words;
  if (ignore_merges) {
    for (const auto& [text, id] : parts.ids) {
      if (auto bytes = from_byte_level(text)) {
        whole_words.emplace(std::move(*bytes), id);
      }
    }
  }
  parts.bpe = Bpe(byte_ids, merges, std::move(whole_words));
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
  LUTHIER_TRY_VOID(
      refuse_unknown(byte_level, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
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
      return refuse(where, last ? "must be ByteLevel" : "of type \"" + step + "\" is not supported (Split and Digits are)");
    }
  }
  return {};
}

// The ids that the template's piece {"SpecialToken": {"id": "<s>"}} stands for.
Result<std::vector<TokenId>> read_template_token(const Json& processor, const Json& piece,
                                                 const std::string& where) {
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

Result<void> read_post_processor(const Json& json, const std::string& where, bool nested, TokenizerParts& parts) {
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
      LUTHIER_TRY_VOID(
          read_post_processor(processors[i], where + ".processors[" + std::to_string(i) + "]", true, parts));
    }
    return {};
  }
  return refuse(where, "of type \"" + type + "\" is not supported (ByteLevel and TemplateProcessing are)");
}

Result<void> read_added_token(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (!json.is_object() || !member(json, "content").is_string()) {
    return refuse(where, "must be an object with \"content\"");
  }
  LUTHIER_TRY_VOID(refuse_unknown(
      json, where, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
  for (const char* name : {"single_word", "lstrip", "rstrip"}) {
    LUTHIER_TRY_VOID(require_absent(json, where, name));
  }
  LUTHIER_TRY(const bool special, read_bool(json, where, "special", false));
  LUTHIER_TRY(const bool normalized, read_bool(json, where, "normalized", !special));
  const std::string content = member(json, "content").get<std::string>();
  LUTHIER_TRY_VOID(add_token(parts, content, member(json, "id"), where + ".id"));
  const TokenId id = parts.ids[content];
  TokenizerParts::Token& token = parts.tokens[static_cast<std::size_t>(id)];
  token.special = special;
  token.bytes = content;
  if (content.empty()) {
    return {};
  }
  if (!normalized) {
    parts.raw_tokens.add(content, id);
  } else if (!parts.nfc) {
    parts.normalized_tokens.add(content, id);
  } else {
    LUTHIER_TRY(const std::string nfc, normalize_nfc(content));
    parts.normalized_tokens.add(nfc, id);
  }
  return {};
}

Result<void> read_added_tokens(const Json& added, TokenizerParts& parts) {
  if (added.is_null()) {
    return {};
  }
  if (!added.is_array()) {
    return refuse("added_tokens", "must be an array");
  }
  for (std::size_t i = 0; i < added.size(); ++i) {
    LUTHIER_TRY_VOID(read_added_token(added[i], "added_tokens[" + std::to_string(i) + "]", parts));
  }
  return {};
}

}  // namespace

Result<TokenizerParts> parse_tokenizer_json(std::string_view text) {
  const Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return Error{ErrorCode::kInvalidArgument, "tokenizer.json is not a JSON object"};
  }
  LUTHIER_TRY_VOID(refuse_unknown(json, "member",
                                  {"version", "truncation", "padding", "added_tokens", "normalizer",
                                   "pre_tokenizer", "post_processor", "decoder", "model"}));
  TokenizerParts parts;
  LUTHIER_TRY_VOID(read_model(member(json, "model"), parts));
  LUTHIER_TRY_VOID(read_normalizer(member(json, "normalizer"), parts));
  LUTHIER_TRY_VOID(read_pre_tokenizer(member(json, "pre_tokenizer"), parts));
  LUTHIER_TRY_VOID(read_post_processor(member(json, "post_processor"), "post_processor", false, parts));
  if (type_of(member(json, "decoder")) != "ByteLevel") {
    return refuse("decoder", "must be ByteLevel");
  }
  LUTHIER_TRY_VOID(read_added_tokens(member(json, "added_tokens"), parts));
  for (const std::vector<TokenId>* ids : {&parts.prefix_ids, &parts.suffix_ids}) {
    for (const TokenId id : *ids) {
      if (static_cast<std::size_t>(id) >= parts.tokens.size() || !parts.tokens[static_cast<std::size_t>(id)].exists) {
        return refuse("post_processor", "inserts id " + std::to_string(id) + ", which is no token");
      }
    }
  }
  return parts;
}

}  // namespace luthier::text
