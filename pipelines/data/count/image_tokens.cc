#include "pipelines/data/count/image_tokens.h"

#include <algorithm>
#include <cmath>

#include "pipelines/data/images/image_checker.h"
#include "pipelines/data/images/image_header.h"

namespace luthier::data::count {
namespace {

constexpr std::int64_t kTokensOfTile = 170;
constexpr double kTile = 512;
constexpr double kLongestSide = 2'048;
constexpr double kShorterSide = 768;

}  // namespace

std::int64_t high_detail_tokens(std::uint32_t width, std::uint32_t height) {
  double wide = std::max<double>(width, 1);
  double high = std::max<double>(height, 1);
  const double fit = std::min(1.0, kLongestSide / std::max(wide, high));
  wide *= fit;
  high *= fit;
  const double shrink = std::min(1.0, kShorterSide / std::min(wide, high));
  // Rounded first, so that 768.0000000001 pixels are not a tile more.
  const auto tiles = [](double side) { return static_cast<std::int64_t>(std::ceil(std::round(side) / kTile)); };
  return kTokensOfTile * std::max<std::int64_t>(1, tiles(wide * shrink)) *
             std::max<std::int64_t>(1, tiles(high * shrink)) +
         kLowDetailTokens;
}

ImageTokens image_tokens(std::string_view url, std::string_view detail) {
  if (detail == "low") {
    return {kLowDetailTokens, true};
  }
  const auto bytes = url.starts_with("data:") ? images::decode_data_url(url, images::kImageBytesMax)
                                              : Result<std::string>(Error{ErrorCode::kNotFound, "elsewhere"});
  const auto header = bytes ? images::read_image_header(*bytes) : Result<images::ImageHeader>(bytes.error());
  if (!header) {
    return {kTokensOfTile + kLowDetailTokens, false};
  }
  const bool one_tile = std::max(header->width, header->height) <= static_cast<std::uint32_t>(kTile);
  if (detail != "high" && one_tile) {
    return {kLowDetailTokens, true};
  }
  return {high_detail_tokens(header->width, header->height), true};
}

}  // namespace luthier::data::count
