#include "controller/store/compress.h"

#include <zlib.h>

#include <algorithm>
#include <limits>

namespace luthier::store {
namespace {

constexpr int kGzipWindowBits = 15 + 16;  // zlib's largest window; + 16 asks for gzip's frame
constexpr int kMemoryLevel = 8;
constexpr std::size_t kChunkBytes = std::size_t{256} << 10;

Bytef* input_of(std::string_view bytes) {
  // zlib reads through a pointer to non-const.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

Error too_large() { return Error{ErrorCode::kResourceExhausted, "more than 4 GiB cannot be compressed at once"}; }

struct Deflate {
  z_stream stream{};
  ~Deflate() { deflateEnd(&stream); }
};
struct Inflate {
  z_stream stream{};
  ~Inflate() { inflateEnd(&stream); }
};

}  // namespace

Result<std::string> gzip(std::string_view bytes) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return too_large();
  }
  Deflate deflation;
  z_stream& stream = deflation.stream;
  LUTHIER_CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindowBits, kMemoryLevel, Z_DEFAULT_STRATEGY) ==
                Z_OK);
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string packed;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t filled = packed.size();
    packed.resize(filled + kChunkBytes);
    stream.next_out = reinterpret_cast<Bytef*>(packed.data() + filled);
    stream.avail_out = static_cast<uInt>(kChunkBytes);
    code = deflate(&stream, Z_FINISH);
    LUTHIER_CHECK(code == Z_OK || code == Z_STREAM_END);
    packed.resize(filled + kChunkBytes - stream.avail_out);
  }
  return packed;
}

Result<std::string> gunzip(std::string_view bytes, std::size_t bytes_max) {
  if (bytes.size() > std::numeric_limits<uInt>::max()) {
    return too_large();
  }
  Inflate inflation;
  z_stream& stream = inflation.stream;
  LUTHIER_CHECK(inflateInit2(&stream, kGzipWindowBits) == Z_OK);
  stream.next_in = input_of(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string text;
  int code = Z_OK;
  while (code != Z_STREAM_END) {
    const std::size_t filled = text.size();
    if (filled > bytes_max) {
      return Error{ErrorCode::kResourceExhausted, "it holds more than " + std::to_string(bytes_max) + " bytes"};
    }
    text.resize(filled + kChunkBytes);
    stream.next_out = reinterpret_cast<Bytef*>(text.data() + filled);
    stream.avail_out = static_cast<uInt>(kChunkBytes);
    code = inflate(&stream, Z_NO_FLUSH);
    text.resize(filled + kChunkBytes - stream.avail_out);
    if (code != Z_OK && code != Z_STREAM_END) {
      return Error{ErrorCode::kDataLoss,
                   "the gzip stream is cut or damaged after " + std::to_string(text.size()) + " bytes of content"};
    }
  }
  if (stream.avail_in != 0) {
    return Error{ErrorCode::kDataLoss, "bytes follow the end of the gzip stream"};
  }
  return text;
}

}  // namespace luthier::store
