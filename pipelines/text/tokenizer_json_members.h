// Checked access to the members of a tokenizer.json; shared by the files that read it.
#pragma once

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text::members {

using Json = nlohmann::json;

// "tokenizer.json: MEMBER PROBLEM".
[[nodiscard]] Error refuse(const std::string& member, const std::string& problem);

// The member's value; null when it is absent. The result lives as long as `object`.
[[nodiscard]] const Json& member(const Json& object, const char* name);

// The object's "type"; empty when there is none.
[[nodiscard]] std::string type_of(const Json& object);

// A value for a message. Never a nested one: printing those recurses, and the file says how deep.
[[nodiscard]] std::string brief(const Json& value);

[[nodiscard]] Result<void> refuse_unknown(const Json& object, const std::string& where,
                                          std::initializer_list<std::string_view> known);
[[nodiscard]] Result<bool> read_bool(const Json& object, const std::string& where, const char* name, bool otherwise);
// For members that change the result in ways this tokenizer does not implement: null, false, "" and 0 pass.
[[nodiscard]] Result<void> require_absent(const Json& object, const std::string& where, const char* name);

// Adds one token of the vocabulary or of added_tokens; `where` names its id.
[[nodiscard]] Result<void> add_token(TokenizerParts& parts, const std::string& text, const Json& id_json,
                                     const std::string& where);

// The parts of the file; each fills its part of `parts`. The decoder is read before the model, whose tokens need it.
[[nodiscard]] Result<void> read_normalizer(const Json& normalizer, TokenizerParts& parts);
// True when the pre-tokenizer turns text into the alphabet of bytes (byte_level.h).
[[nodiscard]] Result<bool> read_pre_tokenizer(const Json& pre_tokenizer, TokenizerParts& parts);
[[nodiscard]] Result<void> read_decoder(const Json& decoder, bool byte_level, TokenizerParts& parts);
[[nodiscard]] Result<void> read_model(const Json& model, bool byte_level, TokenizerParts& parts);
[[nodiscard]] Result<void> read_post_processor(const Json& post_processor, TokenizerParts& parts);

// A member that is a string; `otherwise` when it is absent.
[[nodiscard]] Result<std::string> read_string(const Json& object, const std::string& where, const char* name,
                                              const std::string& otherwise);
// {"String": "…"} or {"Regex": "…"}.
struct PatternText {
  std::string text;
  bool is_regex = false;
};
[[nodiscard]] Result<PatternText> read_pattern(const Json& object, const std::string& where);

}  // namespace luthier::text::members
