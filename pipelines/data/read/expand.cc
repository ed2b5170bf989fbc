#include "pipelines/data/read/expand.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"

namespace luthier::data::read {
namespace {

constexpr std::size_t kInputBytes = std::size_t{64} << 10;
// Small files of one repeated letter are honest; a ratio is looked at only beyond this.
constexpr std::uint64_t kRatioFreeBytes = std::uint64_t{64} << 20;
constexpr int kZstdWindowLogMax = 27;  // 128 MiB, what `zstd` itself takes unless told otherwise

Error wrong(const std::string& name, const std::string& problem) {
  return {ErrorCode::kInvalidArgument, name + ": " + problem};
}

// What both have: compressed input by the block, and the limits.
class Expander : public ByteSource {
 protected:
  Expander(std::unique_ptr<ByteSource> source, std::string name, ExpansionLimits limits)
      : source_(std::move(source)), name_(std::move(name)), limits_(limits), input_(kInputBytes) {}

  // The next block of input in input_; its size, 0 at the end.
  Result<std::size_t> refill() {
    LUTHIER_TRY(const std::size_t got, source_->read(input_.data(), input_.size()));
    bytes_in_ += got;
    return got;
  }

  Result<std::size_t> count(std::size_t bytes) {
    bytes_out_ += bytes;
    if (bytes_out_ > limits_.bytes_max) {
      return Error{ErrorCode::kResourceExhausted, name_ + ": expands to more than " +
                                                      std::to_string(limits_.bytes_max) +
                                                      " bytes; expand it yourself and split it"};
    }
    if (bytes_out_ > kRatioFreeBytes && bytes_out_ / limits_.ratio_max > bytes_in_) {
      return Error{ErrorCode::kResourceExhausted,
                   name_ + ": expands to more than " + std::to_string(limits_.ratio_max) +
                       " times its size, as no text does; if it is what you want, expand it yourself"};
    }
    return bytes;
  }

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  ExpansionLimits limits_;
  std::vector<char> input_;
  std::uint64_t bytes_in_ = 0;
  std::uint64_t bytes_out_ = 0;
};

class GzipSource final : public Expander {
 public:
  GzipSource(std::unique_ptr<ByteSource> source, std::string name, ExpansionLimits limits)
      : Expander(std::move(source), std::move(name), limits) {
    constexpr int kGzipOnly = 16;
    LUTHIER_CHECK(::inflateInit2(&stream_, kGzipOnly + MAX_WBITS) == Z_OK);
  }
  ~GzipSource() override { ::inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  Result<std::size_t> read(char* target, std::size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(target);
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(size, kInputBytes));
    const uInt wanted = stream_.avail_out;
    while (stream_.avail_out == wanted && !at_end_) {
      if (stream_.avail_in == 0) {
        LUTHIER_TRY(const std::size_t got, refill());
        stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
        stream_.avail_in = static_cast<uInt>(got);
        if (got == 0) {
          if (inside_) {
            return wrong(name_, "the gzip data ends in the middle; copy or compress the file again");
          }
          at_end_ = true;
          break;
        }
      }
      LUTHIER_TRY_VOID(inflate_some());
    }
    return count(wanted - stream_.avail_out);
  }

 private:
  Result<void> inflate_some() {
    if (!inside_) {  // another member may follow, or zeros that pad
      if (*stream_.next_in == 0) {
        ++stream_.next_in;
        --stream_.avail_in;
        return {};
      }
      ::inflateReset(&stream_);
      inside_ = true;
    }
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_STREAM_END) {
      inside_ = false;
      return {};
    }
    if (status != Z_OK && status != Z_BUF_ERROR) {
      return wrong(name_, "the gzip data is damaged" +
                              (stream_.msg == nullptr ? std::string() : " (" + std::string(stream_.msg) + ")") +
                              "; copy or compress the file again");
    }
    return {};
  }

  z_stream stream_{};
  bool inside_ = true;  // of a member
  bool at_end_ = false;
};

class ZstdSource final : public Expander {
 public:
  ZstdSource(std::unique_ptr<ByteSource> source, std::string name, ExpansionLimits limits)
      : Expander(std::move(source), std::move(name), limits), stream_(::ZSTD_createDStream()) {
    LUTHIER_CHECK(stream_ != nullptr);
    ::ZSTD_DCtx_setParameter(stream_, ZSTD_d_windowLogMax, kZstdWindowLogMax);
  }
  ~ZstdSource() override { ::ZSTD_freeDStream(stream_); }
  ZstdSource(const ZstdSource&) = delete;
  ZstdSource& operator=(const ZstdSource&) = delete;

  Result<std::size_t> read(char* target, std::size_t size) override {
    ZSTD_outBuffer output{target, size, 0};
    while (output.pos == 0) {
      if (block_.pos == block_.size) {
        LUTHIER_TRY(const std::size_t got, refill());
        block_ = {input_.data(), got, 0};
        if (got == 0 && inside_ && !flushing_) {
          return wrong(name_, "the zstd data ends in the middle; copy or compress the file again");
        }
        if (got == 0 && !flushing_) {
          return std::size_t{0};
        }
      }
      const std::size_t status = ::ZSTD_decompressStream(stream_, &output, &block_);
      if (::ZSTD_isError(status) != 0) {
        return wrong(name_, std::string("the zstd data cannot be expanded (") + ::ZSTD_getErrorName(status) +
                                "); copy or compress the file again, without --long above 27");
      }
      inside_ = status != 0;
      flushing_ = inside_ && output.pos == output.size;  // there may be more without more input
    }
    return count(output.pos);
  }

 private:
  ZSTD_DStream* stream_;
  ZSTD_inBuffer block_{nullptr, 0, 0};
  bool inside_ = true;  // of a frame
  bool flushing_ = false;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> expand_gzip(std::unique_ptr<ByteSource> source, std::string name,
                                                ExpansionLimits limits) {
  return std::unique_ptr<ByteSource>(std::make_unique<GzipSource>(std::move(source), std::move(name), limits));
}

Result<std::unique_ptr<ByteSource>> expand_zstd(std::unique_ptr<ByteSource> source, std::string name,
                                                ExpansionLimits limits) {
  return std::unique_ptr<ByteSource>(std::make_unique<ZstdSource>(std::move(source), std::move(name), limits));
}

}  // namespace luthier::data::read
