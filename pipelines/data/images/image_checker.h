// ImageChecker: whether training can use an image, by its URL in a data file. Images that cannot be used are skipped,
// not fatal: docs/decisions/0015-images-that-cannot-be-used.md.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pipelines/data/images/fetch.h"
#include "pipelines/data/images/image_header.h"
#include "pipelines/data/images/scan.h"

namespace luthier::data::images {

inline constexpr std::size_t kImageBytesMax = 10'000'000;
inline constexpr std::size_t kImagesOfExampleMax = 10;
inline constexpr std::int64_t kExamplesWithImagesMax = 50'000;

struct ImageOptions {
  bool fetch = false;  // http(s) URLs; else they are believed
  FetchOptions fetching;
  std::string scan;  // scan.h; empty: none
};

struct ImageVerdict {
  // Why it is skipped: image_url, image_format, image_mode, image_size, image_unreachable, image_refused; empty: it can
  // be used; image_not_fetched: nobody looked.
  std::string_view code;
  std::string reason;
  [[nodiscard]] bool is_usable() const { return code.empty() || code == "image_not_fetched"; }
};

// One per thread.
class ImageChecker {
 public:
  explicit ImageChecker(const ImageOptions& options);
  [[nodiscard]] ImageVerdict check(std::string_view url);

 private:
  ImageVerdict check_bytes(const std::string& bytes);
  ImageVerdict check_remote(const std::string& url);

  ImageOptions options_;
  std::unique_ptr<Fetcher> fetcher_;
  std::unordered_map<std::string, ImageVerdict> remembered_;  // of fetched URLs; emptied when full
};

struct RemovedImage {
  std::size_t message = 0;  // from 0
  ImageVerdict verdict;
};
struct ImageRemoval {
  std::vector<RemovedImage> removed;
  bool drop = false;  // the example: a message has lost all the images it had
};
// Takes images that cannot be used out of a chat example's messages. `example` may have any form.
[[nodiscard]] ImageRemoval remove_unusable_images(nlohmann::ordered_json& example, ImageChecker& checker);

}  // namespace luthier::data::images
