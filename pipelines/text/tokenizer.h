// Tokenizer: text to token ids and back, as a Hugging Face tokenizer.json or a .tiktoken file of ranks says.
//
// What of tokenizer.json is supported: docs/data.md, "Tokenizers". Anything else is refused with its member's name.
// `truncation` and `padding` do not apply here and are not read.
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
#include "pipelines/text/aligned_text.h"
#include "pipelines/text/bpe.h"
#include "pipelines/text/decoder.h"
#include "pipelines/text/normalizer.h"
#include "pipelines/text/pretokenizer.h"
#include "pipelines/text/token_id.h"
#include "pipelines/text/unigram.h"
#include "pipelines/text/utf8.h"
#include "pipelines/text/word_cache.h"

namespace luthier::text {

// What a Tokenizer is made of; filled by parse_tokenizer_json() (tokenizer_json.h) and parse_tiktoken() (tiktoken.h).
struct TokenizerParts {
  struct Token {
    std::string text;     // as written in the file
    std::string bytes;    // what it decodes to
    bool exists = false;  // ids may have gaps
    bool special = false;
    bool is_byte = false;  // a byte of a character that has no token
  };
  Normalizer normalizer;
  PreTokenizer pretokenizer;
  Bpe bpe;                         // the model, unless there is
  std::optional<Unigram> unigram;  // this one
  Decoder decoder;
  std::vector<Token> tokens;                     // by id
  std::unordered_map<std::string, TokenId> ids;  // by text
  std::vector<std::uint32_t> model_lengths;      // by id: bytes of a piece that the token stands for
  AddedTokens raw_tokens;                        // found before normalisation
  AddedTokens normalized_tokens;                 // found after it
  std::vector<TokenId> prefix_ids;               // what the post-processor puts before and after a text
  std::vector<TokenId> suffix_ids;

  // Fills model_lengths, once `tokens` holds the model's and before others are added.
  void set_model_lengths();
};

struct EncodeOptions {
  bool add_special_tokens = false;   // prefix_ids() and suffix_ids() around the text
  bool parse_special_tokens = true;  // false: special tokens written in the text are plain text (for text from users)
};

// Tokens and where in the text they come from. A token that holds a part of a character, or of characters that
// normalisation made one, has the range of the whole; ranges of neighbours may so overlap. White space that a token
// begins with belongs to it. Tokens that the text does not hold (prefix_ids(), suffix_ids()) have the range 0 to 0.
struct Encoding {
  std::vector<TokenId> ids;
  std::vector<TextRange> ranges;  // of the same size
};

class Tokenizer {
 public:
  // `tokenizer_config_json` names bos, eos and pad; empty: none of them is known.
  [[nodiscard]] static Result<Tokenizer> parse(std::string_view tokenizer_json,
                                               std::string_view tokenizer_config_json = {});
  // As parse_tiktoken() (tiktoken.h). Its <|endoftext|> is both bos and eos, as OpenAI's models have it.
  [[nodiscard]] static Result<Tokenizer> parse_tiktoken(std::string_view ranks, std::string_view encoding);
  // `path`: a folder with tokenizer.json and perhaps tokenizer_config.json; the tokenizer.json itself; or a .tiktoken
  // file, whose name says the encoding (cl100k_base.tiktoken).
  [[nodiscard]] static Result<Tokenizer> load(const std::filesystem::path& path);

  // The ids of `text`. kInvalidArgument when it is not UTF-8 (with the offset) or longer than 1 GiB;
  // kResourceExhausted when the tokenizer's pattern needs too much work.
  [[nodiscard]] Result<std::vector<TokenId>> encode(std::string_view text, EncodeOptions options = {}) const;
  [[nodiscard]] Result<Encoding> encode_with_ranges(std::string_view text, EncodeOptions options = {}) const;

  // The bytes of `ids`; ids that do not exist give nothing. Characters may be cut: see decode() and Utf8Stream.
  [[nodiscard]] std::string decode_bytes(const std::vector<TokenId>& ids, bool skip_special_tokens = false) const;
  // The same as UTF-8, with U+FFFD for what is not a whole character. Where single bytes are tokens of their own
  // beside characters (byte fallback), a run of them that is not UTF-8 gives one U+FFFD a byte.
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
  friend class StreamDecoder;
  Tokenizer() = default;
  // nullptr for an id that does not exist.
  [[nodiscard]] const TokenizerParts::Token* find_token(TokenId id) const;

  std::shared_ptr<const TokenizerParts> parts_;  // immutable, so copies of a Tokenizer share it
  std::optional<TokenId> bos_;
  std::optional<TokenId> eos_;
  std::optional<TokenId> pad_;
};

// Encodes many texts with one Tokenizer (which it shares). One per thread.
class Encoder {
 public:
  explicit Encoder(const Tokenizer& tokenizer);
  // As Tokenizer::encode(); appends to `ids`, or to both members of `encoding`. After an error they hold a part.
  [[nodiscard]] Result<void> encode(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids);
  [[nodiscard]] Result<void> encode(std::string_view text, EncodeOptions options, Encoding& encoding);
  // Steps of the model since the beginning: bounded by a constant times the bytes encoded.
  [[nodiscard]] std::uint64_t steps() const { return bpe_scratch_.steps() + unigram_scratch_.steps(); }

 private:
  struct Sink {
    std::vector<TokenId>& ids;
    std::vector<TextRange>* ranges = nullptr;
  };
  Result<void> encode_to(std::string_view text, EncodeOptions options, Sink& sink);
  Result<void> encode_plain(AlignedText text, EncodeOptions options, bool at_begin, Sink& sink);
  Result<void> encode_normalized(AlignedText text, bool at_begin, Sink& sink);
  void encode_piece(const AlignedText& text, TextRange piece, Sink& sink);
  void encode_word(const AlignedText& text, TextRange word, Sink& sink);
  void remember(std::string_view word);

  std::shared_ptr<const TokenizerParts> parts_;
  Splitter splitter_;
  Scanner only_scanner_;  // does all that the splitter would do; or nullptr
  Bpe::Scratch bpe_scratch_;
  Unigram::Scratch unigram_scratch_;
  ModelOutput output_;
  std::vector<TextRange> pieces_;
  std::vector<AddedTokens::Found> raw_found_;
  std::vector<AddedTokens::Found> normalized_found_;
  WordCache cache_;
};

// Decodes a growing sequence of ids into whole characters. What it gives, put together, is what decode() gives; but a
// run of fallback bytes that is not UTF-8 keeps the characters that it held.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special_tokens = false);
  // The characters that `id` completes; may be empty.
  [[nodiscard]] std::string push(TokenId id);
  // What was held back, as U+FFFD.
  [[nodiscard]] std::string finish() { return stream_.finish(); }

 private:
  Tokenizer tokenizer_;
  bool skip_special_tokens_;
  TokenJoiner joiner_;
  Utf8Stream stream_;
};

}  // namespace luthier::text
