#include "pipelines/text/tokenizer_json.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/normalize.h"
#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text {
namespace {

using members::Json;
using members::member;
using members::read_bool;
using members::refuse;
using members::refuse_unknown;
using members::require_absent;
using members::type_of;

// A file may leave gaps between ids, but not so many that a small file takes a large memory.
constexpr std::int64_t kIdGapsMax = 1 << 20;

Result<void> add_token(TokenizerParts& parts, const std::string& text, const Json& id_json, const std::string& where) {
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
    } else if (merges[i].is_array() && merges[i].size() == 2 && merges[i][0].is_string() && merges[i][1].is_string()) {
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
    for (const auto& [text, id] :
         {std::pair<std::string, TokenId*>(left, &merge.left), std::pair<std::string, TokenId*>(right, &merge.right),
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
                                  {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                                   "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}));
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

Result<void> read_added_token(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (!json.is_object() || !member(json, "content").is_string()) {
    return refuse(where, "must be an object with \"content\"");
  }
  LUTHIER_TRY_VOID(
      refuse_unknown(json, where, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
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
                                  {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                                   "post_processor", "decoder", "model"}));
  TokenizerParts parts;
  LUTHIER_TRY_VOID(read_model(member(json, "model"), parts));
  LUTHIER_TRY_VOID(members::read_normalizer(member(json, "normalizer"), parts));
  LUTHIER_TRY_VOID(members::read_pre_tokenizer(member(json, "pre_tokenizer"), parts));
  LUTHIER_TRY_VOID(members::read_post_processor(member(json, "post_processor"), parts));
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
