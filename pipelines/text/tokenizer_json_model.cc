#include <algorithm>
#include <limits>
#include <set>

#include "pipelines/text/byte_level.h"
#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text::members {
namespace {

// A step's work is bounded by the longest token.
constexpr std::size_t kUnigramBytesMax = 1024;

// A file may leave gaps between ids, but not so many that a small file takes a large memory.
constexpr std::int64_t kIdGapsMax = 1 << 20;

}  // namespace

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
  token.bytes = parts.decoder.token_bytes(text);
  token.is_byte = parts.decoder.is_byte(text);
  token.exists = true;
  parts.ids[text] = static_cast<TokenId>(id);
  return {};
}

namespace {

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
    merge.rank = static_cast<std::uint32_t>(i);
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

// The symbols of a vocabulary whose tokens are bytes.
Result<BpeSymbols> byte_symbols(const TokenizerParts& parts) {
  BpeSymbols symbols;
  for (std::size_t byte = 0; byte < 256; ++byte) {
    const auto found = parts.ids.find(byte_level_alphabet()[byte]);
    if (found == parts.ids.end()) {
      return refuse("model.vocab",
                    "has no token for byte " + std::to_string(byte) + " (\"" + byte_level_alphabet()[byte] + "\")");
    }
    symbols.byte_ids[byte] = found->second;
  }
  return symbols;
}

// The tokens "<0x00>" to "<0xFF>", -1 where there is none.
std::array<TokenId, 256> fallback_ids(const TokenizerParts& parts) {
  std::array<TokenId, 256> ids{};
  ids.fill(-1);
  for (unsigned byte = 0; byte < 256; ++byte) {
    constexpr std::string_view kHexadecimal = "0123456789ABCDEF";
    const auto found = parts.ids.find(std::string("<0x") + kHexadecimal[byte / 16] + kHexadecimal[byte % 16] + ">");
    if (found != parts.ids.end()) {
      ids[byte] = found->second;
    }
  }
  return ids;
}

// The symbols of a vocabulary whose tokens are text.
Result<BpeSymbols> character_symbols(const Json& model, const TokenizerParts& parts) {
  BpeSymbols symbols;
  symbols.characters = true;
  for (const auto& [text, id] : parts.ids) {
    if (!text.empty() && character_length(text, 0) == text.size()) {
      symbols.character_ids.emplace(decode_character(text, 0).code_point, id);
    }
  }
  symbols.byte_ids.fill(-1);
  LUTHIER_TRY(const bool byte_fallback, read_bool(model, "model", "byte_fallback", false));
  if (byte_fallback) {
    symbols.byte_ids = fallback_ids(parts);
  }
  LUTHIER_TRY(symbols.fuse_unknown, read_bool(model, "model", "fuse_unk", false));
  const Json& unknown = member(model, "unk_token");
  if (unknown.is_null()) {
    return symbols;
  }
  const auto found = unknown.is_string() ? parts.ids.find(unknown.get_ref<const std::string&>()) : parts.ids.end();
  if (found == parts.ids.end()) {
    return refuse("model.unk_token", "is not in model.vocab: " + brief(unknown));
  }
  symbols.unknown_id = found->second;
  return symbols;
}

// Whether a merge takes or makes a token that stands for a byte: then characters without a token may grow together.
bool merges_bytes(const std::vector<Merge>& merges, const BpeSymbols& symbols) {
  const std::set<TokenId> bytes(symbols.byte_ids.begin(), symbols.byte_ids.end());
  return std::any_of(merges.begin(), merges.end(), [&](const Merge& merge) {
    return bytes.contains(merge.left) || bytes.contains(merge.right) || bytes.contains(merge.merged);
  });
}

Result<void> read_bpe(const Json& model, bool byte_level, TokenizerParts& parts) {
  LUTHIER_TRY_VOID(refuse_unknown(model, "model",
                                  {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                                   "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"}));
  for (const char* name : {"dropout", "continuing_subword_prefix", "end_of_word_suffix"}) {
    LUTHIER_TRY_VOID(require_absent(model, "model", name));
  }
  LUTHIER_TRY(const bool ignore_merges, read_bool(model, "model", "ignore_merges", false));
  LUTHIER_TRY_VOID(read_vocab(model, parts));
  LUTHIER_TRY(BpeSymbols symbols, byte_level ? byte_symbols(parts) : character_symbols(model, parts));
  LUTHIER_TRY(const std::vector<Merge> merges, read_merges(model, parts));
  std::unordered_map<std::string, TokenId> whole_words;
  if (ignore_merges) {
    for (const auto& [text, id] : parts.ids) {
      if (auto bytes = byte_level ? from_byte_level(text) : std::optional(text)) {
        whole_words.emplace(std::move(*bytes), id);
      }
    }
  }
  const bool may_cut = symbols.characters && whole_words.empty() && !merges_bytes(merges, symbols);
  parts.bpe = Bpe(std::move(symbols), merges, std::move(whole_words));
  if (may_cut) {
    CharacterPairs joined;
    for (const Merge& merge : merges) {
      joined.add(parts.tokens[static_cast<std::size_t>(merge.merged)].text);
    }
    parts.bpe.allow_cuts(std::move(joined));
  }
  parts.set_model_lengths();
  return {};
}

Result<void> read_unigram(const Json& model, TokenizerParts& parts) {
  LUTHIER_TRY_VOID(refuse_unknown(model, "model", {"type", "unk_id", "vocab", "byte_fallback"}));
  const Json& vocab = member(model, "vocab");
  if (!vocab.is_array() || vocab.empty()) {
    return refuse("model.vocab", "must be an array of [token, score]");
  }
  std::vector<Unigram::Entry> entries;
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    const std::string where = "model.vocab[" + std::to_string(i) + "]";
    if (!vocab[i].is_array() || vocab[i].size() != 2 || !vocab[i][0].is_string() || !vocab[i][1].is_number()) {
      return refuse(where, "must be [token, score]");
    }
    entries.push_back({vocab[i][0].get<std::string>(), vocab[i][1].get<double>()});
    if (entries.back().text.size() > kUnigramBytesMax) {
      return refuse(where, "is longer than " + std::to_string(kUnigramBytesMax) + " bytes");
    }
    LUTHIER_TRY_VOID(add_token(parts, entries.back().text, Json(i), where));
  }
  const Json& unknown = member(model, "unk_id");
  if (!unknown.is_number_unsigned() || unknown.get<std::uint64_t>() >= entries.size()) {
    return refuse("model.unk_id", "must be the number of a token of model.vocab");
  }
  LUTHIER_TRY(const bool byte_fallback, read_bool(model, "model", "byte_fallback", false));
  std::array<TokenId, 256> byte_ids{};
  byte_ids.fill(-1);
  parts.unigram.emplace(entries, unknown.get<TokenId>(), byte_fallback ? fallback_ids(parts) : byte_ids);
  parts.set_model_lengths();
  return {};
}

}  // namespace

Result<void> read_model(const Json& model, bool byte_level, TokenizerParts& parts) {
  const std::string type = type_of(model);
  if (type == "Unigram" && !byte_level) {
    return read_unigram(model, parts);
  }
  // Files of before 2023 leave the type out.
  if (!model.is_object() || (type != "BPE" && !member(model, "type").is_null())) {
    return refuse("model", "must be of type \"BPE\", or \"Unigram\" without ByteLevel, not \"" + type + "\"");
  }
  return read_bpe(model, byte_level, parts);
}

}  // namespace luthier::text::members
