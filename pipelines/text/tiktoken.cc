#include "pipelines/text/tiktoken.h"

#include <charconv>
#include <limits>

#include "pipelines/text/base64.h"
#include "pipelines/text/byte_level.h"

namespace luthier::text {
namespace {

constexpr std::size_t kTokensMax = 4'000'000;
constexpr std::size_t kTokenBytesMax = 1024;

struct SpecialToken {
  std::string_view text;
  TokenId id = 0;
};
struct KnownEncoding {
  std::string_view name;
  std::string_view pattern;
  std::vector<SpecialToken> special;
};

const std::vector<KnownEncoding>& encodings() {
  static const std::vector<KnownEncoding> known = {
      {"cl100k_base",
       kCl100kPattern,
       {{"<|endoftext|>", 100257},
        {"<|fim_prefix|>", 100258},
        {"<|fim_middle|>", 100259},
        {"<|fim_suffix|>", 100260},
        {"<|endofprompt|>", 100276}}},
      {"o200k_base", kO200kPattern, {{"<|endoftext|>", 199999}, {"<|endofprompt|>", 200018}}},
      {"p50k_base", kGpt2Pattern, {{"<|endoftext|>", 50256}}},
      {"r50k_base", kGpt2Pattern, {{"<|endoftext|>", 50256}}},
  };
  return known;
}

Error refuse(std::size_t line, std::string_view problem) {
  return {ErrorCode::kInvalidArgument, "line " + std::to_string(line) + " " + std::string(problem)};
}

Result<void> add_token(TokenizerParts& parts, std::string bytes, std::string text, TokenId id, bool special,
                       std::size_t line) {
  const auto index = static_cast<std::size_t>(id);
  if (index >= parts.tokens.size()) {
    parts.tokens.resize(index + 1);
  }
  TokenizerParts::Token& token = parts.tokens[index];
  if (token.exists) {
    return refuse(line, "gives rank " + std::to_string(id) + " a second time");
  }
  if (!parts.ids.emplace(text, id).second) {
    return refuse(line, "gives a token a second rank");
  }
  token = {std::move(text), std::move(bytes), true, special, false};
  return {};
}

Result<void> read_line(TokenizerParts& parts, std::string_view line, std::size_t number) {
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) {
    return refuse(number, "must be a token in base64, a space and its rank");
  }
  auto bytes = decode_base64(line.substr(0, space));
  if (!bytes.has_value() || bytes->empty() || bytes->size() > kTokenBytesMax) {
    return refuse(number, "does not begin with a token of 1 to 1024 bytes in base64");
  }
  TokenId rank = -1;
  const std::string_view digits = line.substr(space + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), rank);
  if (error != std::errc() || end != digits.data() + digits.size() || rank < 0 ||
      static_cast<std::size_t>(rank) >= kTokensMax) {
    return refuse(number, "does not end in a rank from 0 to 3999999");
  }
  std::string text = to_byte_level(*bytes);
  return add_token(parts, std::move(*bytes), std::move(text), rank, false, number);
}

// Every way to make a token of two; the rank is that of the token.
std::vector<Merge> make_merges(const std::unordered_map<std::string_view, TokenId>& ranks) {
  std::vector<Merge> merges;
  for (const auto& [bytes, id] : ranks) {
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      const auto left = ranks.find(bytes.substr(0, cut));
      const auto right = left == ranks.end() ? left : ranks.find(bytes.substr(cut));
      if (right != ranks.end()) {
        merges.push_back({left->second, right->second, id, static_cast<std::uint32_t>(id)});
      }
    }
  }
  return merges;
}

Result<void> make_model(TokenizerParts& parts) {
  std::unordered_map<std::string_view, TokenId> ranks;
  std::unordered_map<std::string, TokenId> whole_words;
  BpeSymbols symbols;
  symbols.byte_ids.fill(-1);
  for (std::size_t id = 0; id < parts.tokens.size(); ++id) {
    const TokenizerParts::Token& token = parts.tokens[id];
    if (!token.exists) {
      continue;
    }
    ranks.emplace(token.bytes, static_cast<TokenId>(id));
    whole_words.emplace(token.bytes, static_cast<TokenId>(id));
    if (token.bytes.size() == 1) {
      symbols.byte_ids[static_cast<unsigned char>(token.bytes[0])] = static_cast<TokenId>(id);
    }
  }
  for (std::size_t byte = 0; byte < 256; ++byte) {
    if (symbols.byte_ids[byte] < 0) {
      return Error{ErrorCode::kInvalidArgument, "there is no token for the single byte " + std::to_string(byte)};
    }
  }
  parts.bpe = Bpe(std::move(symbols), make_merges(ranks), std::move(whole_words));
  parts.set_model_lengths();
  return {};
}

}  // namespace

Result<TokenizerParts> parse_tiktoken(std::string_view ranks, std::string_view encoding) {
  std::string names;
  const KnownEncoding* found = nullptr;
  for (const KnownEncoding& known : encodings()) {
    names += (names.empty() ? "" : ", ") + std::string(known.name);
    found = known.name == encoding ? &known : found;
  }
  if (found == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "there is no encoding \"" + std::string(encoding) +
                                                  "\"; the file's name must be one of " + names + ", and .tiktoken"};
  }
  TokenizerParts parts;
  std::size_t number = 0;
  while (!ranks.empty()) {
    ++number;
    const std::size_t end = ranks.find('\n');
    std::string_view line = ranks.substr(0, end);
    ranks.remove_prefix(end == std::string_view::npos ? ranks.size() : end + 1);
    if (!line.empty() && line.back() == '\r') {
      line.remove_suffix(1);
    }
    if (!line.empty()) {
      LUTHIER_TRY_VOID(read_line(parts, line, number));
    }
  }
  LUTHIER_TRY_VOID(make_model(parts));
  LUTHIER_TRY(SplitStep split, make_split(found->pattern));
  parts.pretokenizer.steps.emplace_back(std::move(split));
  for (const SpecialToken& special : found->special) {
    LUTHIER_TRY_VOID(add_token(parts, std::string(special.text), std::string(special.text), special.id, true, number));
    parts.raw_tokens.add(special.text, {special.id, true});
  }
  return parts;
}

}  // namespace luthier::text
