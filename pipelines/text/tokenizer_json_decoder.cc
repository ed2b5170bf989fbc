#include "pipelines/text/tokenizer_json_members.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::members {
namespace {

constexpr std::size_t kStepsMax = 64;
constexpr std::size_t kReplacementBytesMax = 1024;

Result<void> read_replace(const Json& json, const std::string& where, Decoder& decoder) {
  LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "pattern", "content"}));
  LUTHIER_TRY(PatternText pattern, read_pattern(json, where));
  LUTHIER_TRY(std::string content, read_string(json, where, "content", ""));
  if (pattern.is_regex || pattern.text.empty()) {
    return refuse(where + ".pattern", R"(must be {"String": "…"} in a decoder)");
  }
  if (content.size() > kReplacementBytesMax) {
    return refuse(where + ".content", "is longer than 1024 bytes");
  }
  decoder.replacements.emplace_back(std::move(pattern.text), std::move(content));
  return {};
}

Result<void> read_metaspace(const Json& json, const std::string& where, Decoder& decoder) {
  LUTHIER_TRY_VOID(
      refuse_unknown(json, where, {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  LUTHIER_TRY(const std::string replacement, read_string(json, where, "replacement", "\u2581"));
  LUTHIER_TRY(const bool add_prefix_space, read_bool(json, where, "add_prefix_space", true));
  LUTHIER_TRY(const std::string scheme,
              read_string(json, where, "prepend_scheme", add_prefix_space ? "always" : "never"));
  if (replacement.empty()) {
    return refuse(where + ".replacement", "must be one character");
  }
  decoder.replacements.emplace_back(replacement, " ");
  if (scheme != "never") {
    decoder.drop_in_first_token = replacement;
  }
  return {};
}

Result<void> read_strip(const Json& json, const std::string& where, Decoder& decoder) {
  LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "content", "start", "stop"}));
  LUTHIER_TRY(decoder.strip_content, read_string(json, where, "content", " "));
  if (decoder.strip_content.empty() || character_length(decoder.strip_content, 0) != decoder.strip_content.size()) {
    return refuse(where + ".content", "must be one character");
  }
  const Json& start = member(json, "start");
  if (!start.is_number_unsigned() || start > 1024) {
    return refuse(where + ".start", "must be a whole number from 0 to 1024");
  }
  decoder.strip_count = start.get<std::size_t>();
  return require_absent(json, where, "stop");
}

// The parts of a decoder come in this order: replacements in tokens, bytes, joining, and what is stripped of the whole.
enum class Stage { kReplace, kBytes, kFuse, kStrip };

Result<Stage> read_step(const Json& json, const std::string& where, Decoder& decoder) {
  const std::string type = type_of(json);
  if (type == "Replace") {
    LUTHIER_TRY_VOID(read_replace(json, where, decoder));
    return Stage::kReplace;
  }
  if (type == "Metaspace") {
    LUTHIER_TRY_VOID(read_metaspace(json, where, decoder));
    return Stage::kReplace;
  }
  if (type == "ByteFallback") {
    decoder.byte_fallback = true;
    return Stage::kBytes;
  }
  if (type == "Fuse") {
    return Stage::kFuse;
  }
  if (type == "Strip") {
    LUTHIER_TRY_VOID(read_strip(json, where, decoder));
    return Stage::kStrip;
  }
  return refuse(where,
                "of type \"" + type +
                    "\" is not supported (ByteLevel, Metaspace, and Sequences of Replace, ByteFallback, Fuse and "
                    "Strip in this order are)");
}

}  // namespace

Result<void> read_decoder(const Json& json, bool byte_level, TokenizerParts& parts) {
  const std::string type = type_of(json);
  parts.decoder.byte_level = byte_level;
  if (byte_level != (type == "ByteLevel")) {
    return refuse("decoder", byte_level ? "must be ByteLevel, as the pre_tokenizer is"
                                        : "must not be ByteLevel, or the pre_tokenizer must end in it");
  }
  if (byte_level) {
    return {};
  }
  if (type != "Sequence") {
    LUTHIER_TRY(const Stage stage, read_step(json, "decoder", parts.decoder));
    return stage == Stage::kStrip ? Result<void>(refuse("decoder", "strips every token; put Fuse before Strip"))
                                  : Result<void>{};
  }
  const Json& steps = member(json, "decoders");
  if (!steps.is_array() || steps.size() > kStepsMax) {
    return refuse("decoder.decoders", "must be an array of at most " + std::to_string(kStepsMax) + " members");
  }
  Stage last = Stage::kReplace;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string where = "decoder.decoders[" + std::to_string(i) + "]";
    LUTHIER_TRY(const Stage stage, read_step(steps[i], where, parts.decoder));
    if (stage < last || (stage == Stage::kStrip && last != Stage::kFuse)) {
      return refuse(where, "does not come in the order Replace, ByteFallback, Fuse, Strip");
    }
    last = stage;
  }
  return {};
}

}  // namespace luthier::text::members
