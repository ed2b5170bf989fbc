#include "pipelines/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/text/normalize.h"
#include "pipelines/text/tokenizer_json.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kTokenizerBytesMax = 256u << 20;
constexpr std::uint64_t kTokenizerConfigBytesMax = 16u << 20;
constexpr std::size_t kCacheWordsMax = 32'768;
constexpr std::size_t kCacheWordBytesMax = 64;

// The id of config[name], which is a string, {"content": string} or null.
Result<std::optional<TokenId>> special_id(const Json& config, const char* name, const TokenizerParts& parts) {
  const auto found = config.find(name);
  if (found == config.end() || found->is_null()) {
    return std::optional<TokenId>{};
  }
  const Json* content = &*found;
  if (found->is_object()) {
    const auto inner = found->find("content");
    content = inner == found->end() ? nullptr : &*inner;
  }
  if (content == nullptr || !content->is_string()) {
    return Error{ErrorCode::kInvalidArgument,
                 "tokenizer_config.json: " + std::string(name) + " must be a string or an object with \"content\""};
  }
  const auto& text = content->get_ref<const std::string&>();
  const auto id = parts.ids.find(text);
  if (id == parts.ids.end()) {
    return Error{ErrorCode::kInvalidArgument,
                 "tokenizer_config.json: " + std::string(name) + " \"" + text + "\" is not a token of tokenizer.json"};
  }
  return std::optional<TokenId>{id->second};
}

}  // namespace

Result<Tokenizer> Tokenizer::parse(std::string_view tokenizer_json, std::string_view tokenizer_config_json) {
  LUTHIER_TRY(TokenizerParts parts, parse_tokenizer_json(tokenizer_json));
  Tokenizer tokenizer;
  if (!tokenizer_config_json.empty()) {
    const Json config = Json::parse(tokenizer_config_json, nullptr, /*allow_exceptions=*/false);
    if (!config.is_object()) {
      return Error{ErrorCode::kInvalidArgument, "tokenizer_config.json is not a JSON object"};
    }
    LUTHIER_TRY(tokenizer.bos_, special_id(config, "bos_token", parts));
    LUTHIER_TRY(tokenizer.eos_, special_id(config, "eos_token", parts));
    LUTHIER_TRY(tokenizer.pad_, special_id(config, "pad_token", parts));
  }
  tokenizer.parts_ = std::make_shared<const TokenizerParts>(std::move(parts));
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& folder) {
  LUTHIER_TRY(const std::string json, read_file(folder / "tokenizer.json", kTokenizerBytesMax));
  std::string config;
  std::error_code ignored;
  if (std::filesystem::exists(folder / "tokenizer_config.json", ignored)) {
    LUTHIER_TRY(config, read_file(folder / "tokenizer_config.json", kTokenizerConfigBytesMax));
  }
  auto tokenizer = parse(json, config);
  if (!tokenizer) {
    return std::move(tokenizer).error().with(folder.string());
  }
  return tokenizer;
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  Encoder encoder(*this);
  LUTHIER_TRY_VOID(encoder.encode(text, options, ids));
  return ids;
}

std::string Tokenizer::decode_bytes(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  std::string bytes;
  for (const TokenId id : ids) {
    if (!skip_special_tokens || !is_special(id)) {
      bytes += token_bytes(id);
    }
  }
  return bytes;
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  return replace_invalid_utf8(decode_bytes(ids, skip_special_tokens));
}

std::optional<TokenId> Tokenizer::token_to_id(std::string_view token) const {
  const auto found = parts_->ids.find(std::string(token));
  return found == parts_->ids.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

std::optional<std::string> Tokenizer::id_to_token(TokenId id) const {
  const bool exists = id >= 0 && static_cast<std::size_t>(id) < parts_->tokens.size() &&
                      parts_->tokens[static_cast<std::size_t>(id)].exists;
  return exists ? std::optional<std::string>(parts_->tokens[static_cast<std::size_t>(id)].text) : std::nullopt;
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  const bool known = id >= 0 && static_cast<std::size_t>(id) < parts_->tokens.size();
  return known ? std::string_view(parts_->tokens[static_cast<std::size_t>(id)].bytes) : std::string_view{};
}

bool Tokenizer::is_special(TokenId id) const {
  return id >= 0 && static_cast<std::size_t>(id) < parts_->tokens.size() &&
         parts_->tokens[static_cast<std::size_t>(id)].special;
}

Encoder::Encoder(const Tokenizer& tokenizer) : parts_(tokenizer.parts_), splitter_(tokenizer.parts_->pretokenizer) {}

Result<void> Encoder::encode(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids) {
  if (const auto invalid = find_invalid_utf8(text)) {
    return Error{ErrorCode::kInvalidArgument, "the text is not UTF-8 at byte " + std::to_string(*invalid)};
  }
  const auto append = [&](const std::vector<TokenId>& more) {
    if (options.add_special_tokens) {
      ids.insert(ids.end(), more.begin(), more.end());
    }
  };
  append(parts_->prefix_ids);
  LUTHIER_TRY_VOID(encode_raw(text, options, ids));
  append(parts_->suffix_ids);
  return {};
}

namespace {

// Calls plain(part) for the text around the tokens and appends the tokens' ids, in order.
template <class Plain>
Result<void> encode_around(const AddedTokens& added, const TokenizerParts& parts, std::string_view text,
                           EncodeOptions options, const Plain& plain, std::vector<TokenId>& ids) {
  std::size_t done = 0;
  std::size_t offset = 0;
  while (const auto found = added.find(text, offset)) {
    offset = found->end;
    if (!options.parse_special_tokens && parts.tokens[static_cast<std::size_t>(found->id)].special) {
      continue;  // it stays in the plain text
    }
    LUTHIER_TRY_VOID(plain(text.substr(done, found->begin - done)));
    ids.push_back(found->id);
    done = found->end;
  }
  return plain(text.substr(done));
}

}  // namespace

Result<void> Encoder::encode_raw(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids) {
  const auto normalized_part = [&](std::string_view part) { return encode_normalized(part, ids); };
  const auto raw_part = [&](std::string_view part) -> Result<void> {
    if (!parts_->nfc) {
      return encode_around(parts_->normalized_tokens, *parts_, part, options, normalized_part, ids);
    }
    LUTHIER_TRY(const std::string normalized, normalize_nfc(part));
    return encode_around(parts_->normalized_tokens, *parts_, normalized, options, normalized_part, ids);
  };
  return encode_around(parts_->raw_tokens, *parts_, text, options, raw_part, ids);
}

Result<void> Encoder::encode_normalized(std::string_view text, std::vector<TokenId>& ids) {
  std::string prefixed;
  if (parts_->pretokenizer.add_prefix_space && !text.empty() && text.front() != ' ') {
    prefixed = " " + std::string(text);
    text = prefixed;
  }
  LUTHIER_TRY_VOID(splitter_.split(text, pieces_));
  for (const std::string_view piece : pieces_) {
    encode_piece(piece, ids);
  }
  return {};
}

void Encoder::encode_piece(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.size() > kCacheWordBytesMax) {
    parts_->bpe.encode(piece, ids);
    return;
  }
  const std::string word(piece);
  const auto found = cache_.find(word);
  if (found != cache_.end()) {
    ids.insert(ids.end(), found->second.begin(), found->second.end());
    return;
  }
  if (cache_.size() >= kCacheWordsMax) {
    cache_.clear();
  }
  std::vector<TokenId> fresh;
  parts_->bpe.encode(piece, fresh);
  ids.insert(ids.end(), fresh.begin(), fresh.end());
  cache_.emplace(word, std::move(fresh));
}

}  // namespace luthier::text
