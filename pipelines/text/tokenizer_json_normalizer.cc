#include "pipelines/text/base64.h"
#include "pipelines/text/tokenizer_json_members.h"

namespace luthier::text::members {
namespace {

constexpr std::size_t kStepsMax = 64;

Result<void> read_replace(const Json& replace, const std::string& where, std::vector<NormalizerStep>& steps) {
  LUTHIER_TRY_VOID(refuse_unknown(replace, where, {"type", "pattern", "content"}));
  LUTHIER_TRY(PatternText pattern, read_pattern(replace, where));
  LUTHIER_TRY(std::string content, read_string(replace, where, "content", ""));
  if (!pattern.is_regex) {
    if (pattern.text.empty()) {
      return refuse(where + ".pattern.String", "must not be empty");
    }
    steps.emplace_back(ReplaceLiteralStep{std::move(pattern.text), std::move(content)});
    return {};
  }
  auto regex = Regex::compile(pattern.text);
  if (!regex) {
    return refuse(where + ".pattern.Regex", "cannot be used: " + regex.error().message);
  }
  steps.emplace_back(ReplaceRegexStep{std::move(regex).value(), std::move(content)});
  return {};
}

Result<void> read_character_map(const Json& json, const std::string& where, std::vector<NormalizerStep>& steps) {
  LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "precompiled_charsmap"}));
  LUTHIER_TRY(const std::string encoded, read_string(json, where, "precompiled_charsmap", ""));
  const auto bytes = decode_base64(encoded);
  if (!bytes) {
    return refuse(where + ".precompiled_charsmap", "is not base64");
  }
  auto map = CharacterMap::parse(*bytes);
  if (!map) {
    return refuse(where + ".precompiled_charsmap", map.error().message);
  }
  steps.emplace_back(CharacterMapStep{std::make_shared<const CharacterMap>(std::move(*map))});
  return {};
}

Result<void> read_step(const Json& json, const std::string& where, std::vector<NormalizerStep>& steps) {
  const std::string type = type_of(json);
  const auto form = type == "NFC"    ? std::optional(UnicodeForm::kNfc)
                    : type == "NFD"  ? std::optional(UnicodeForm::kNfd)
                    : type == "NFKC" ? std::optional(UnicodeForm::kNfkc)
                    : type == "NFKD" ? std::optional(UnicodeForm::kNfkd)
                                     : std::nullopt;
  if (form.has_value()) {
    steps.emplace_back(*form);
  } else if (type == "Lowercase") {
    steps.emplace_back(LowercaseStep{});
  } else if (type == "Strip") {
    LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "strip_left", "strip_right"}));
    StripStep strip;
    LUTHIER_TRY(strip.left, read_bool(json, where, "strip_left", true));
    LUTHIER_TRY(strip.right, read_bool(json, where, "strip_right", true));
    steps.emplace_back(strip);
  } else if (type == "Prepend") {
    LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "prepend"}));
    LUTHIER_TRY(std::string prefix, read_string(json, where, "prepend", ""));
    steps.emplace_back(PrependStep{std::move(prefix)});
  } else if (type == "Replace") {
    return read_replace(json, where, steps);
  } else if (type == "Precompiled") {
    return read_character_map(json, where, steps);
  } else {
    return refuse(where,
                  "of type \"" + type +
                      "\" is not supported (NFC, NFD, NFKC, NFKD, Lowercase, Strip, Prepend, Replace, Precompiled "
                      "and Sequences of them are)");
  }
  return {};
}

Result<void> read_steps(const Json& json, const std::string& where, bool nested, std::vector<NormalizerStep>& steps) {
  if (type_of(json) != "Sequence") {
    return read_step(json, where, steps);
  }
  const Json& members = member(json, "normalizers");
  if (!members.is_array() || members.size() > kStepsMax || nested) {
    return refuse(where + ".normalizers",
                  "must be an array of at most " + std::to_string(kStepsMax) + " normalizers, none of them a Sequence");
  }
  for (std::size_t i = 0; i < members.size(); ++i) {
    LUTHIER_TRY_VOID(read_steps(members[i], where + ".normalizers[" + std::to_string(i) + "]", true, steps));
  }
  return {};
}

}  // namespace

Result<void> read_normalizer(const Json& normalizer, TokenizerParts& parts) {
  std::vector<NormalizerStep> steps;
  if (!normalizer.is_null()) {
    LUTHIER_TRY_VOID(read_steps(normalizer, "normalizer", false, steps));
  }
  parts.normalizer = Normalizer(std::move(steps));
  return {};
}

}  // namespace luthier::text::members
