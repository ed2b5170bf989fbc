#include "pipelines/data/read/byte_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include "tests/pipelines/data/read/read_all.h"

namespace luthier::data::read {
namespace {

using testing::HasSubstr;

std::string gzip(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string packed(deflateBound(&stream, text.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(packed.size() - stream.avail_out);
  deflateEnd(&stream);
  return packed;
}

std::string zstd(const std::string& text) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);  // as the program zstd does
  std::string packed(ZSTD_compressBound(text.size()), '\0');
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), text.data(), text.size()));
  ZSTD_freeCCtx(context);
  return packed;
}

std::string many_lines() {
  std::string text;
  for (int i = 0; i < 40'000; ++i) {
    text += "{\"a\":" + std::to_string(i * 7919) + "}\n";
  }
  return text;
}

TEST(Expand, GivesTheSameRecordsAsThePlainFile) {
  const std::string text = many_lines();
  const ReadAll plain = read_all(text, FileFormat::kJsonLines);
  ASSERT_EQ(plain.records.size(), 40'000U);
  const std::string half = text.substr(0, text.find('\n', text.size() / 2) + 1);
  const std::string rest = text.substr(half.size());
  for (const std::string& packed : {gzip(text), gzip(half) + gzip(rest), gzip(text) + std::string(512, '\0'),
                                    zstd(text), zstd(half) + zstd(rest)}) {
    const ReadAll all = read_all(packed, FileFormat::kJsonLines, 1'000);
    EXPECT_EQ(all.error, "");
    EXPECT_EQ(all.records, plain.records);
  }
}

TEST(Expand, SaysThatDataIsCutOrDamaged) {
  for (const std::string& packed : {gzip(many_lines()), zstd(many_lines())}) {
    EXPECT_THAT(read_all(packed.substr(0, packed.size() / 2), FileFormat::kJsonLines).error,
                HasSubstr("ends in the middle; copy or compress the file again"));
    std::string damaged = packed;
    for (std::size_t i = 50; i < 80; ++i) {
      damaged[i] = static_cast<char>(damaged[i] ^ 0x55);
    }
    EXPECT_THAT(read_all(damaged, FileFormat::kJsonLines).error, HasSubstr("copy or compress the file again"));
  }
}

TEST(Expand, RefusesBombs) {
  const std::string zeros(std::size_t{80} << 20, ' ');
  for (const std::string& packed : {gzip(zeros), zstd(zeros)}) {
    EXPECT_THAT(read_all(packed, FileFormat::kText).error, HasSubstr("expands to more than 200 times its size"));
    EXPECT_THAT(read_all(packed, FileFormat::kText, 0, {.bytes_max = 1'000'000}).error,
                HasSubstr("expands to more than 1000000 bytes"));
  }
}

}  // namespace
}  // namespace luthier::data::read
