#include "pipelines/text/tokenizer_json.h"

#include <nlohmann/json.hpp>

#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text {
namespace {

using members::Json;
using members::member;
using members::read_bool;
using members::refuse;
using members::refuse_unknown;

Result<void> read_added_token(const Json& json, const std::string& where, TokenizerParts& parts) {
  if (!json.is_object() || !member(json, "content").is_string()) {
    return refuse(where, "must be an object with \"content\"");
  }
  LUTHIER_TRY_VOID(
      refuse_unknown(json, where, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"}));
  AddedToken added;
  LUTHIER_TRY(added.special, read_bool(json, where, "special", false));
  LUTHIER_TRY(added.single_word, read_bool(json, where, "single_word", false));
  LUTHIER_TRY(added.left_strip, read_bool(json, where, "lstrip", false));
  LUTHIER_TRY(added.right_strip, read_bool(json, where, "rstrip", false));
  LUTHIER_TRY(const bool normalized, read_bool(json, where, "normalized", !added.special));
  const std::string content = member(json, "content").get<std::string>();
  LUTHIER_TRY_VOID(members::add_token(parts, content, member(json, "id"), where + ".id"));
  added.id = parts.ids[content];
  TokenizerParts::Token& token = parts.tokens[static_cast<std::size_t>(added.id)];
  token.special = added.special;
  token.bytes = parts.decoder.byte_level ? content : parts.decoder.token_bytes(content);
  if (content.empty()) {
    return {};
  }
  if (!normalized) {
    parts.raw_tokens.add(content, added);
    return {};
  }
  AlignedText text(content, 0, false);
  auto applied = parts.normalizer.apply(text);
  if (!applied) {
    return refuse(where + ".content", "cannot be normalised: " + applied.error().message);
  }
  if (text.text().empty()) {
    return {};
  }
  // Decoding gives it back as it stands in normalised text ("▁<tool>").
  TokenizerParts::Token& found = parts.tokens[static_cast<std::size_t>(added.id)];
  found.text = text.text();
  found.bytes = parts.decoder.byte_level ? found.text : parts.decoder.token_bytes(found.text);
  parts.normalized_tokens.add(text.text(), added);
  return {};
}

Result<void> read_added_tokens(const Json& added, TokenizerParts& parts) {
  if (added.is_null()) {
    return {};
  }
  if (!added.is_array()) {
    return refuse("added_tokens", "must be an array");
  }
  // Special ones first: of two that are written alike after normalisation they count.
  for (const bool special : {true, false}) {
    for (std::size_t i = 0; i < added.size(); ++i) {
      const bool is_special = added[i].is_object() && member(added[i], "special") == true;
      if (is_special == special) {
        LUTHIER_TRY_VOID(read_added_token(added[i], "added_tokens[" + std::to_string(i) + "]", parts));
      }
    }
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
  const Json& decoder = member(json, "decoder");
  LUTHIER_TRY_VOID(members::read_normalizer(member(json, "normalizer"), parts));
  LUTHIER_TRY(const bool byte_level, members::read_pre_tokenizer(member(json, "pre_tokenizer"), parts));
  LUTHIER_TRY_VOID(members::read_decoder(decoder, byte_level, parts));
  LUTHIER_TRY_VOID(members::read_model(member(json, "model"), byte_level, parts));
  LUTHIER_TRY_VOID(members::read_post_processor(member(json, "post_processor"), parts));
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
