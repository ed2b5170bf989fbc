#include "pipelines/data/images/image_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/pipelines/data/images/pictures.h"

namespace luthier::data::images {
namespace {

using testing::HasSubstr;

struct Case {
  std::string bytes;
  ImageFormat format;
  std::string mode;
};

std::vector<Case> pictures() {
  return {{png(0), ImageFormat::kPng, "L"},
          {png(2), ImageFormat::kPng, "RGB"},
          {png(3), ImageFormat::kPng, "P"},
          {png(4), ImageFormat::kPng, "LA"},
          {png(6), ImageFormat::kPng, "RGBA"},
          {jpeg(1), ImageFormat::kJpeg, "L"},
          {jpeg(3), ImageFormat::kJpeg, "RGB"},
          {jpeg(4), ImageFormat::kJpeg, "CMYK"},
          {webp_lossless(false), ImageFormat::kWebp, "RGB"},
          {webp_lossless(true), ImageFormat::kWebp, "RGBA"},
          {webp_lossy(), ImageFormat::kWebp, "RGB"},
          {webp_extended(0x10), ImageFormat::kWebp, "RGBA"},
          {webp_extended(0), ImageFormat::kWebp, "RGB"}};
}

TEST(ReadImageHeader, TellsFormatModeAndSize) {
  for (const Case& picture : pictures()) {
    const auto header = read_image_header(picture.bytes);
    ASSERT_TRUE(header) << header.error().message << " " << picture.mode;
    EXPECT_EQ(header->format, picture.format);
    EXPECT_EQ(header->mode, picture.mode);
    EXPECT_EQ(header->width, 4U);
    EXPECT_EQ(header->height, 3U);
    EXPECT_EQ(header->is_color(), picture.mode == "RGB" || picture.mode == "RGBA");
  }
}

TEST(ReadImageHeader, RefusesWhatIsCutAnywhereBeforeThePicture) {
  for (const Case& picture : pictures()) {
    for (std::size_t size = 0; size < picture.bytes.size(); ++size) {
      const auto header = read_image_header(picture.bytes.substr(0, size));
      if (header) {
        EXPECT_EQ(picture.format, ImageFormat::kJpeg) << size << " bytes of " << picture.mode;
        EXPECT_GT(size, picture.bytes.find("\xff\xda")) << "the frame is known from there on";
      }
    }
  }
}

TEST(ReadImageHeader, NamesWhatItDoesNotTake) {
  for (const auto& [bytes, name] : {std::pair<std::string, std::string>{"GIF89a...", "a GIF"},
                                    {"BM....", "a BMP"},
                                    {std::string("\0\0\0\x18"
                                                 "ftypheic",
                                                 12),
                                     "a HEIC, AVIF or video"},
                                    {"<!doctype html>", "a web page"},
                                    {"", "empty"},
                                    {"hello", "no image of a known format"}}) {
    EXPECT_THAT(read_image_header(bytes).error().message, HasSubstr(name));
  }
  EXPECT_THAT(read_image_header(webp_extended(2)).error().message, HasSubstr("an animated WEBP"));
  EXPECT_THAT(read_image_header(png(2, 0, 3)).error().message, HasSubstr("no width or height"));
  EXPECT_THAT(read_image_header(png(5)).error().message, HasSubstr("no picture in it"));
  std::string damaged = png(2);
  damaged[18] = 'x';
  EXPECT_THAT(read_image_header(damaged).error().message, HasSubstr("checksum"));
}

TEST(DecodeDataUrl, DecodesAndIsBounded) {
  for (const std::string& bytes : {std::string(""), std::string("a"), std::string("ab"), std::string("abc"), png(2)}) {
    EXPECT_EQ(*decode_data_url(data_url(bytes), 1'000), bytes);
  }
  EXPECT_EQ(decode_data_url(data_url(std::string(3'000, 'x')), 1'000).error().code, ErrorCode::kResourceExhausted);
  EXPECT_THAT(decode_data_url("data:image/png;base64,ab!d", 100).error().message, HasSubstr("character 25"));
  EXPECT_THAT(decode_data_url("data:image/png;base64,abcde", 100).error().message, HasSubstr("cut off"));
  EXPECT_THAT(decode_data_url("data:image/png,abc", 100).error().message, HasSubstr("not of the form"));
}

}  // namespace
}  // namespace luthier::data::images
