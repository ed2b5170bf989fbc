#include "pipelines/text/tokenizer.h"

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "pipelines/text/tiktoken.h"
#include "pipelines/text/tokenizer_json.h"

namespace luthier::text {
namespace {

using Json = nlohmann::json;

constexpr std::uint64_t kTokenizerBytesMax = 256u << 20;
constexpr std::uint64_t kTokenizerConfigBytesMax = 16u << 20;

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

void TokenizerParts::set_model_lengths() {
  model_lengths.clear();
  for (const Token& token : tokens) {
    const std::size_t length = token.is_byte ? 1 : decoder.byte_level ? token.bytes.size() : token.text.size();
    model_lengths.push_back(static_cast<std::uint32_t>(length));
  }
}

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

Result<Tokenizer> Tokenizer::parse_tiktoken(std::string_view ranks, std::string_view encoding) {
  LUTHIER_TRY(TokenizerParts parts, text::parse_tiktoken(ranks, encoding));
  Tokenizer tokenizer;
  tokenizer.parts_ = std::make_shared<const TokenizerParts>(std::move(parts));
  tokenizer.bos_ = tokenizer.eos_ = tokenizer.token_to_id("<|endoftext|>");
  return tokenizer;
}

Result<Tokenizer> Tokenizer::load(const std::filesystem::path& path) {
  std::error_code ignored;
  if (path.extension() == ".tiktoken") {
    LUTHIER_TRY(const std::string ranks, read_file(path, kTokenizerBytesMax));
    auto tokenizer = parse_tiktoken(ranks, path.stem().string());
    if (!tokenizer) {
      return std::move(tokenizer).error().with(path.string());
    }
    return tokenizer;
  }
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  const std::filesystem::path file = is_folder ? path / "tokenizer.json" : path;
  const std::filesystem::path config_file = file.parent_path() / "tokenizer_config.json";
  LUTHIER_TRY(const std::string json, read_file(file, kTokenizerBytesMax));
  std::string config;
  if (std::filesystem::exists(config_file, ignored)) {
    LUTHIER_TRY(config, read_file(config_file, kTokenizerConfigBytesMax));
  }
  auto tokenizer = parse(json, config);
  if (!tokenizer) {
    return std::move(tokenizer).error().with(path.string());
  }
  return tokenizer;
}

Result<std::vector<TokenId>> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<TokenId> ids;
  Encoder encoder(*this);
  LUTHIER_TRY_VOID(encoder.encode(text, options, ids));
  return ids;
}

Result<Encoding> Tokenizer::encode_with_ranges(std::string_view text, EncodeOptions options) const {
  Encoding encoding;
  Encoder encoder(*this);
  LUTHIER_TRY_VOID(encoder.encode(text, options, encoding));
  return encoding;
}

std::string Tokenizer::decode_bytes(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  TokenJoiner joiner(parts_->decoder);
  for (const TokenId id : ids) {
    if (const auto* token = find_token(id); token != nullptr && !(skip_special_tokens && token->special)) {
      joiner.add(token->text, token->bytes, false);
    }
  }
  return joiner.finish();
}

std::string Tokenizer::decode(const std::vector<TokenId>& ids, bool skip_special_tokens) const {
  TokenJoiner joiner(parts_->decoder);
  for (const TokenId id : ids) {
    if (const auto* token = find_token(id); token != nullptr && !(skip_special_tokens && token->special)) {
      joiner.add(token->text, token->bytes, token->is_byte);
    }
  }
  return replace_invalid_utf8(joiner.finish());
}

const TokenizerParts::Token* Tokenizer::find_token(TokenId id) const {
  const bool known = id >= 0 && static_cast<std::size_t>(id) < parts_->tokens.size() &&
                     parts_->tokens[static_cast<std::size_t>(id)].exists;
  return known ? &parts_->tokens[static_cast<std::size_t>(id)] : nullptr;
}

std::optional<TokenId> Tokenizer::token_to_id(std::string_view token) const {
  const auto found = parts_->ids.find(std::string(token));
  return found == parts_->ids.end() ? std::nullopt : std::optional<TokenId>(found->second);
}

std::optional<std::string> Tokenizer::id_to_token(TokenId id) const {
  const TokenizerParts::Token* token = find_token(id);
  return token != nullptr ? std::optional<std::string>(token->text) : std::nullopt;
}

std::string_view Tokenizer::token_bytes(TokenId id) const {
  const TokenizerParts::Token* token = find_token(id);
  return token != nullptr ? std::string_view(token->bytes) : std::string_view{};
}

bool Tokenizer::is_special(TokenId id) const {
  const TokenizerParts::Token* token = find_token(id);
  return token != nullptr && token->special;
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens)
    : tokenizer_(tokenizer), skip_special_tokens_(skip_special_tokens), joiner_(tokenizer_.parts_->decoder) {}

std::string StreamDecoder::push(TokenId id) {
  const TokenizerParts::Token* token = tokenizer_.find_token(id);
  if (token == nullptr || (skip_special_tokens_ && token->special)) {
    return {};
  }
  joiner_.add(token->text, token->bytes, false);
  return stream_.push(joiner_.take());
}

}  // namespace luthier::text
