// Headers of images, and the URLs that they come in.
#include "pipelines/data/images/image_header.h"
#include "tests/fuzz/fuzz.h"

void luthier::fuzz::one_input(std::string_view bytes) {
  namespace images = data::images;
  const auto header = images::read_image_header(bytes);
  if (header) {
    LUTHIER_CHECK(header->width > 0 && header->height > 0);
  } else {
    LUTHIER_CHECK(!header.error().message.empty());
  }
  const auto decoded = images::decode_data_url(bytes, 1'000);
  if (decoded) {
    LUTHIER_CHECK(decoded->size() <= 1'003);
    (void)images::read_image_header(*decoded);
  }
}
