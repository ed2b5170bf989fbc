#include "pipelines/text/tokenizer_json_members.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::members {
namespace {

constexpr std::size_t kStepsMax = 64;

// Hugging Face's Punctuation is that of an older Unicode, with ASCII's symbols: without the first, with the second.
constexpr std::string_view kPunctuation =
    R"((?![)"
    R"(\x{61d}\x{9fd}\x{a76}\x{c77}\x{c84}\x{1b4e}-\x{1b4f}\x{1b7d}-\x{1b7f}\x{2e43}-\x{2e4f}\x)"
    R"({2e52}-\x{2e5d}\x{10d6e}\x{10ead}\x{10f55}-\x{10f59}\x{10f86}-\x{10f89}\x{113d4}-\x{113d)"
    R"(5}\x{113d7}-\x{113d8}\x{1144b}-\x{1144f}\x{1145a}-\x{1145b}\x{1145d}\x{11660}-\x{1166c}\)"
    R"(x{116b9}\x{1183b}\x{11944}-\x{11946}\x{119e2}\x{11a3f}-\x{11a46}\x{11a9a}-\x{11a9c}\x{11)"
    R"(a9e}-\x{11aa2}\x{11b00}-\x{11b09}\x{11be1}\x{11c41}-\x{11c45}\x{11c70}-\x{11c71}\x{11ef7)"
    R"(}-\x{11ef8}\x{11f43}-\x{11f4f}\x{11fff}\x{12ff1}-\x{12ff2}\x{16d6d}-\x{16d6f}\x{16e97}-\)"
    R"(x{16e9a}\x{16fe2}\x{1e5ff}\x{1e95e}-\x{1e95f})"
    R"(])[!-/:-@\[-`{-~\p{P}]|[\x{166d}\x{111c9}])";

// Its Digits know those of Unicode 17.
constexpr std::string_view kDigit = R"([\p{N}\x{11de0}-\x{11de9}\x{16ff4}-\x{16ff6}])";

Result<void> add_split(const std::string& pattern, SplitBehavior behavior, bool invert, const std::string& where,
                       PreTokenizer& pretokenizer) {
  auto split = make_split(pattern, behavior, invert);
  if (!split) {
    return refuse(where, "cannot be used: " + split.error().message);
  }
  pretokenizer.steps.emplace_back(std::move(split).value());
  return {};
}

Result<SplitBehavior> read_behavior(const Json& json, const std::string& where, const char* otherwise) {
  LUTHIER_TRY(const std::string name, read_string(json, where, "behavior", otherwise));
  const std::pair<const char*, SplitBehavior> kBehaviors[] = {
      {"Isolated", SplitBehavior::kIsolated},
      {"Removed", SplitBehavior::kRemoved},
      {"MergedWithPrevious", SplitBehavior::kMergedWithPrevious},
      {"MergedWithNext", SplitBehavior::kMergedWithNext},
      {"Contiguous", SplitBehavior::kContiguous},
  };
  for (const auto& [known, behavior] : kBehaviors) {
    if (name == known) {
      return behavior;
    }
  }
  return refuse(where + ".behavior", "must be Isolated, Removed, MergedWithPrevious, MergedWithNext or Contiguous");
}

// A pattern that matches `text` as it is.
std::string escaped(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.[]|()?*+{}-#&~").find(c) != std::string_view::npos) {
      pattern += '\\';
    }
    pattern += c;
  }
  return pattern;
}

Result<void> read_split(const Json& split, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(split, where, {"type", "pattern", "behavior", "invert"}));
  LUTHIER_TRY(const PatternText pattern, read_pattern(split, where));
  LUTHIER_TRY(const bool invert, read_bool(split, where, "invert", false));
  LUTHIER_TRY(const SplitBehavior behavior, read_behavior(split, where, ""));
  if (pattern.text.empty()) {
    return refuse(where + ".pattern", "must not be empty");
  }
  return add_split(pattern.is_regex ? pattern.text : escaped(pattern.text), behavior, invert,
                   where + (pattern.is_regex ? ".pattern.Regex" : ".pattern.String"), pretokenizer);
}

Result<void> read_digits(const Json& digits, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(digits, where, {"type", "individual_digits"}));
  LUTHIER_TRY(const bool individual, read_bool(digits, where, "individual_digits", false));
  return add_split(std::string(kDigit) + (individual ? "" : "+"), SplitBehavior::kIsolated, false, where, pretokenizer);
}

Result<void> read_punctuation(const Json& json, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(json, where, {"type", "behavior"}));
  LUTHIER_TRY(const SplitBehavior behavior, read_behavior(json, where, "Isolated"));
  return add_split(std::string(kPunctuation), behavior, false, where, pretokenizer);
}

Result<void> read_metaspace(const Json& json, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(
      refuse_unknown(json, where, {"type", "replacement", "prepend_scheme", "split", "add_prefix_space", "str_rep"}));
  LUTHIER_TRY(const std::string replacement, read_string(json, where, "replacement", "\u2581"));
  if (replacement.empty() || character_length(replacement, 0) != replacement.size()) {
    return refuse(where + ".replacement", "must be one character");
  }
  // Files of before 2024 have add_prefix_space instead of prepend_scheme.
  LUTHIER_TRY(const bool add_prefix_space, read_bool(json, where, "add_prefix_space", true));
  LUTHIER_TRY(const std::string scheme,
              read_string(json, where, "prepend_scheme", add_prefix_space ? "always" : "never"));
  LUTHIER_TRY(const bool split, read_bool(json, where, "split", true));
  pretokenizer.steps.emplace_back(SubstituteStep{" ", replacement});
  if (scheme == "always" || scheme == "first") {
    pretokenizer.steps.emplace_back(
        PrefixStep{replacement, scheme == "first" ? PrefixStep::Where::kTextBegin : PrefixStep::Where::kEveryPiece});
  } else if (scheme != "never") {
    return refuse(where + ".prepend_scheme", "must be always, first or never");
  }
  if (!split) {
    return {};
  }
  return add_split(escaped(replacement), SplitBehavior::kMergedWithNext, false, where, pretokenizer);
}

Result<void> read_byte_level(const Json& byte_level, const std::string& where, PreTokenizer& pretokenizer) {
  LUTHIER_TRY_VOID(refuse_unknown(byte_level, where, {"type", "add_prefix_space", "trim_offsets", "use_regex"}));
  LUTHIER_TRY(const bool add_prefix_space, read_bool(byte_level, where, "add_prefix_space", true));
  LUTHIER_TRY(const bool use_regex, read_bool(byte_level, where, "use_regex", true));
  if (add_prefix_space) {
    pretokenizer.steps.emplace_back(PrefixStep{" ", PrefixStep::Where::kEveryPiece});
  }
  if (!use_regex) {
    return {};
  }
  return add_split(std::string(kGpt2Pattern), SplitBehavior::kIsolated, false, where, pretokenizer);
}

Result<void> read_step(const Json& json, const std::string& where, PreTokenizer& pretokenizer) {
  const std::string type = type_of(json);
  if (type == "Split") {
    return read_split(json, where, pretokenizer);
  }
  if (type == "Digits") {
    return read_digits(json, where, pretokenizer);
  }
  if (type == "Punctuation") {
    return read_punctuation(json, where, pretokenizer);
  }
  if (type == "Metaspace") {
    return read_metaspace(json, where, pretokenizer);
  }
  if (type == "Whitespace") {
    return add_split(R"([\w\x{200c}\x{200d}]+|[^\w\x{200c}\x{200d}\s]+)", SplitBehavior::kRemoved, true, where,
                     pretokenizer);
  }
  if (type == "WhitespaceSplit") {
    return add_split(R"(\s)", SplitBehavior::kRemoved, false, where, pretokenizer);
  }
  return refuse(where, "of type \"" + type +
                           "\" is not supported (Split, Digits, Punctuation, Metaspace, Whitespace, WhitespaceSplit, "
                           "one ByteLevel, and Sequences of them are)");
}

}  // namespace

Result<bool> read_pre_tokenizer(const Json& json, TokenizerParts& parts) {
  const std::string type = type_of(json);
  if (json.is_null()) {
    return false;
  }
  if (type == "ByteLevel") {
    LUTHIER_TRY_VOID(read_byte_level(json, "pre_tokenizer", parts.pretokenizer));
    return true;
  }
  if (type != "Sequence") {
    LUTHIER_TRY_VOID(read_step(json, "pre_tokenizer", parts.pretokenizer));
    return false;
  }
  const Json& steps = member(json, "pretokenizers");
  if (!steps.is_array() || steps.size() > kStepsMax) {
    return refuse("pre_tokenizer.pretokenizers",
                  "must be an array of at most " + std::to_string(kStepsMax) + " members");
  }
  bool byte_level = false;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string where = "pre_tokenizer.pretokenizers[" + std::to_string(i) + "]";
    const std::string step = type_of(steps[i]);
    if (byte_level && (step == "ByteLevel" || step == "Metaspace")) {
      return refuse(where, "of type \"" + step + "\" is not supported behind a ByteLevel");
    }
    if (step != "ByteLevel") {
      LUTHIER_TRY_VOID(read_step(steps[i], where, parts.pretokenizer));
      continue;
    }
    LUTHIER_TRY_VOID(read_byte_level(steps[i], where, parts.pretokenizer));
    byte_level = true;
    if (i + 1 < steps.size()) {  // what follows sees the letters of bytes
      parts.pretokenizer.steps.emplace_back(ByteLettersStep{});
    }
  }
  if (byte_level && type_of(steps.back()) != "ByteLevel") {
    parts.pretokenizer.steps.emplace_back(ByteLettersStep{.back = true});
  }
  return byte_level;
}

}  // namespace luthier::text::members
