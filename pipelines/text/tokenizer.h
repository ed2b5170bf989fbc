// Tokenizer: text to token ids and back, as a Hugging Face tokenizer.json says (byte-level BPE).
//
// Supported: `model` BPE over bytes (merges in both spellings, ignore_merges); `added_tokens`; `normalizer` null
// or NFC; `pre_tokenizer` ByteLevel, or a Sequence of Split{Regex}/Digits that ends in ByteLevel; `decoder`
// ByteLevel; `post_processor` null, ByteLevel, TemplateProcessing, or a Sequence of those. Anything else is
// refused with its member's name. `truncation` and `padding` do not apply here and are not read.
//
// Files are untrusted: sizes, ids and the work of patterns are bounded. A Tokenizer is immutable and may be shared
// by threads; each thread encodes with an Encoder of its own, whose cache of words makes repeats cheap.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "pipelines/text/added_tokens.h"
#include "pipelines/text/bpe.h"
#include "pipelines/text/pretokenizer.h"
#include "pipelines/text/token_id.h"
#include "pipelines/text/utf8.h"

namespace luthier::text {

// What a Tokenizer is made of; filled by parse_tokenizer_json() (tokenizer_json.h).
struct TokenizerParts {
  struct Token {
    std::string text;     // as written in the file
    std::string bytes;    // what it decodes to
    bool exists = false;  // ids may have gaps
    bool special = false;
  };
  Bpe bpe;
  std::vector<Token> tokens;                     // by id
  std::unordered_map<std::string, TokenId> ids;  // by text
  AddedTokens raw_tokens;                        // found before normalisation
  AddedTokens normalized_tokens;                 // found after it
  PreTokenizer pretokenizer;
  bool nfc = false;
  std::vector<TokenId> prefix_ids;  // what the post-processor puts before and after a text
  std::vector<TokenId> suffix_ids;
};

struct EncodeOptions {
  bool add_special_tokens = false;   // prefix_ids() and suffix_ids() around the text
  bool parse_special_tokens = true;  // false: special tokens written in the text are plain text (for text from users)
};

class Tokenizer {
 public:
  // `tokenizer_config_json` names bos, eos and pad; empty: none of them is known.
  [[nodiscard]] static Result<Tokenizer> parse(std::string_view tokenizer_json,
                                               std::string_view tokenizer_config_json = {});
  // Reads tokenizer.json and, when present, tokenizer_config.json.
  [[nodiscard]] static Result<Tokenizer> load(const std::filesystem::path& folder);

  // The ids of `text`. kInvalidArgument when it is not UTF-8 (with the offset); kResourceExhausted when the
  // tokenizer's pattern needs too much work.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options = {}) const;

  // The bytes of `ids`; ids that do not exist give nothing. Characters may be cut: see decode() and Utf8Stream.
  [[nodiscard]] std::string decode_bytes(const std::vector<TokenId>& ids, bool skip_special_tokens = false) const;
  // The same as UTF-8, with U+FFFD for what is not a whole character.
  [[nodiscard]] std::string decode(const std::vector<TokenId>& ids, bool skip_special_tokens = false) const;

  [[nodiscard]] std::optional<TokenId> token_to_id(std::string_view token) const;
  // As written in the file ("Ġthe"); nullopt for an id that does not exist.
  [[nodiscard]] std::optional<std::string> id_to_token(TokenId id) const;
  // Empty for an id that does not exist.
  [[nodiscard]] std::string_view token_bytes(TokenId id) const;
  [[nodiscard]] bool is_special(TokenId id) const;
  // The greatest id plus one: the rows an embedding needs.
  [[nodiscard]] std::size_t vocab_size() const { return parts_->tokens.size(); }

  [[nodiscard]] std::optional<TokenId> bos() const { return bos_; }
  [[nodiscard]] std::optional<TokenId> eos() const { return eos_; }
  [[nodiscard]] std::optional<TokenId> pad() const { return pad_; }
  [[nodiscard]] const std::vector<TokenId>& prefix_ids() const { return parts_->prefix_ids; }
  [[nodiscard]] const std::vector<TokenId>& suffix_ids() const { return parts_->suffix_ids; }

 private:
  friend class Encoder;
  Tokenizer() = default;

  std::shared_ptr<const TokenizerParts> parts_;  // immutable, so copies of a Tokenizer share it
  std::optional<TokenId> bos_;
  std::optional<TokenId> eos_;
  std::optional<TokenId> pad_;
};

// Encodes many texts with one Tokenizer (which it shares). One per thread.
class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer);
  // As Tokenizer::encode(); appends to `ids`.
  [[nodiscard]] Result<void> encode(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids);

 private:
  Result<void> encode_raw(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids);
  Result<void> encode_normalized(std::string_view text, std::vector<TokenId>& ids);
  void encode_piece(std::string_view piece, std::vector<TokenId>& ids);

  std::shared_ptr<const TokenizerParts> parts_;
  Splitter splitter_;
  std::vector<std::string_view> pieces_;
  std::unordered_map<std::string, std::vector<TokenId>> cache_;  // emptied when full
};

// Decodes a growing sequence of ids into whole characters.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = false)
      : tokenizer_(tokenizer), skip_special_tokens_(skip_special_tokens) {}
  // The characters that `id` completes; may be empty.
  [[nodiscard]] std::string push(TokenId id) {
    return skip_special_tokens_ && tokenizer_.is_special(id) ? std::string() : stream_.push(tokenizer_.token_bytes(id));
  }
  // What was held back, as U+FFFD.
  [[nodiscard]] std::string finish() { return stream_.finish(); }

 private:
  Tokenizer tokenizer_;
  bool skip_special_tokens_;
  Utf8Stream stream_;
};

}  // namespace luthier::text
