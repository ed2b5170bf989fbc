#include "base/check.h"
#include "pipelines/text/tokenizer.h"

namespace luthier::text {
namespace {

constexpr std::size_t kTextBytesMax = std::size_t{1} << 30;

// Calls plain(begin, end) for the text around the tokens that were found and token(found) for each, in order.
template <class Plain, class Token>
Result<void> visit_around(const std::vector<AddedTokens::Found>& found, std::size_t size, const Plain& plain,
                          const Token& token) {
  std::size_t done = 0;
  for (const AddedTokens::Found& next : found) {
    if (next.range.begin > done) {
      LUTHIER_TRY_VOID(plain(done, next.range.begin));
    }
    token(next);
    done = next.range.end;
  }
  return done < size ? plain(done, size) : Result<void>{};
}

}  // namespace

Encoder::Encoder(const Tokenizer& tokenizer)
    : parts_(tokenizer.parts_),
      splitter_(tokenizer.parts_->pretokenizer),
      only_scanner_(tokenizer.parts_->pretokenizer.only_scanner()) {}

Result<void> Encoder::encode(std::string_view text, EncodeOptions options, std::vector<TokenId>& ids) {
  Sink sink{ids, nullptr};
  return encode_to(text, options, sink);
}

Result<void> Encoder::encode(std::string_view text, EncodeOptions options, Encoding& encoding) {
  Sink sink{encoding.ids, &encoding.ranges};
  return encode_to(text, options, sink);
}

Result<void> Encoder::encode_to(std::string_view text, EncodeOptions options, Sink& sink) {
  if (text.size() > kTextBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "the text is longer than 1 GiB; cut it into several"};
  }
  if (const auto invalid = find_invalid_utf8(text)) {
    return Error{ErrorCode::kInvalidArgument, "the text is not UTF-8 at byte " + std::to_string(*invalid)};
  }
  const auto add_all = [&](const std::vector<TokenId>& more) {
    if (options.add_special_tokens) {
      sink.ids.insert(sink.ids.end(), more.begin(), more.end());
      if (sink.ranges != nullptr) {
        sink.ranges->insert(sink.ranges->end(), more.size(), {});
      }
    }
  };
  add_all(parts_->prefix_ids);
  parts_->raw_tokens.find_all(text, !options.parse_special_tokens, raw_found_);
  const bool tracked = sink.ranges != nullptr;
  LUTHIER_TRY_VOID(visit_around(
      raw_found_, text.size(),
      [&](std::size_t begin, std::size_t end) {
        return encode_plain(AlignedText(text.substr(begin, end - begin), begin, tracked), options, begin == 0, sink);
      },
      [&](const AddedTokens::Found& token) {
        sink.ids.push_back(token.id);
        if (tracked) {
          sink.ranges->push_back(token.range);
        }
      }));
  add_all(parts_->suffix_ids);
  return {};
}

Result<void> Encoder::encode_plain(AlignedText text, EncodeOptions options, bool at_begin, Sink& sink) {
  LUTHIER_TRY_VOID(parts_->normalizer.apply(text));
  parts_->normalized_tokens.find_all(text.text(), !options.parse_special_tokens, normalized_found_);
  if (normalized_found_.empty()) {
    return encode_normalized(std::move(text), at_begin, sink);
  }
  return visit_around(
      normalized_found_, text.text().size(),
      [&](std::size_t begin, std::size_t end) {
        return encode_normalized(text.slice(begin, end), at_begin && begin == 0, sink);
      },
      [&](const AddedTokens::Found& token) {
        sink.ids.push_back(token.id);
        if (sink.ranges != nullptr) {
          sink.ranges->push_back(text.origin(token.range.begin, token.range.end));
        }
      });
}

Result<void> Encoder::encode_normalized(AlignedText text, bool at_begin, Sink& sink) {
  if (only_scanner_ != nullptr) {
    const std::string_view bytes = text.text();
    for (std::size_t begin = 0; begin < bytes.size();) {
      const std::size_t end = only_scanner_(bytes, begin);
      encode_word(text, {begin, end}, sink);
      begin = end;
    }
    return {};
  }
  LUTHIER_TRY_VOID(splitter_.split(text, at_begin, pieces_));
  for (const TextRange piece : pieces_) {
    encode_piece(text, piece, sink);
  }
  return {};
}

void Encoder::encode_piece(const AlignedText& text, TextRange piece, Sink& sink) {
  const std::string_view bytes = text.text().substr(0, piece.end);
  while (piece.begin < piece.end) {
    const std::size_t end = parts_->unigram.has_value() ? piece.end : parts_->bpe.word_end(bytes, piece.begin);
    encode_word(text, {piece.begin, end}, sink);
    piece.begin = end;
  }
}

void Encoder::encode_word(const AlignedText& text, TextRange word, Sink& sink) {
  const std::string_view bytes = text.text().substr(word.begin, word.size());
  const bool short_word = bytes.size() <= WordCache::kWordBytesMax;
  std::span<const TokenId> ids = short_word ? cache_.find(bytes) : std::span<const TokenId>{};
  const bool cached = !ids.empty();
  if (!cached) {
    output_.clear();
    if (parts_->unigram.has_value()) {
      parts_->unigram->encode(bytes, unigram_scratch_, output_);
    } else {
      parts_->bpe.encode(bytes, bpe_scratch_, output_);
    }
    if (short_word) {
      remember(bytes);
    }
    ids = output_.ids;
  }
  sink.ids.insert(sink.ids.end(), ids.begin(), ids.end());
  if (sink.ranges == nullptr) {
    return;
  }
  const auto length_of = [&](std::size_t i) {
    return cached ? parts_->model_lengths[static_cast<std::size_t>(ids[i])] : output_.lengths[i];
  };
  std::size_t begin = word.begin;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::size_t whole = i;  // of tokens that make something together the last one says its length
    while (length_of(whole) == 0) {
      ++whole;
    }
    sink.ranges->push_back(text.origin(begin, begin + length_of(whole)));
    begin += length_of(i);
  }
}

// Words with unknown characters are left out: their tokens do not say their lengths.
void Encoder::remember(std::string_view word) {
  if (output_.ids.empty() || output_.ids.size() > WordCache::kTokensMax) {
    return;
  }
  for (std::size_t i = 0; i < output_.ids.size(); ++i) {
    if (parts_->model_lengths[static_cast<std::size_t>(output_.ids[i])] != output_.lengths[i]) {
      return;
    }
  }
  cache_.put(word, output_.ids);
}

}  // namespace luthier::text
