// ImageHeader: what an image is, from its first bytes and the borders of its parts; nothing is decoded. Pure, and
// bounded by the bytes given, whatever they claim.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::data::images {

enum class ImageFormat { kJpeg, kPng, kWebp };
[[nodiscard]] std::string_view name_of(ImageFormat format);

struct ImageHeader {
  ImageFormat format = ImageFormat::kJpeg;
  std::string mode;  // as Pillow names it: "RGB", "RGBA", "L", "LA", "P", "CMYK"
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  [[nodiscard]] bool is_color() const { return mode == "RGB" || mode == "RGBA"; }
};

// kInvalidArgument: another format (which is named when it is known), cut off, or damaged.
[[nodiscard]] Result<ImageHeader> read_image_header(std::string_view bytes);

// The bytes of "data:image/…;base64,…". kInvalidArgument: not that; kResourceExhausted: more than `bytes_max`.
[[nodiscard]] Result<std::string> decode_data_url(std::string_view url, std::size_t bytes_max);

}  // namespace luthier::data::images
