#include "pipelines/data/images/image_checker.h"

namespace luthier::data::images {

using Json = nlohmann::ordered_json;

ImageChecker::ImageChecker(const ImageOptions& options) : options_(options) {
  options_.fetching.bytes_max = kImageBytesMax;
  if (options.fetch) {
    fetcher_ = std::make_unique<Fetcher>(options_.fetching);
  }
}

ImageVerdict ImageChecker::check(std::string_view url) {
  if (url.starts_with("data:")) {
    const auto bytes = decode_data_url(url, kImageBytesMax);
    if (bytes) {
      return check_bytes(*bytes);
    }
    return {bytes.error().code == ErrorCode::kResourceExhausted ? "image_size" : "image_url", bytes.error().message};
  }
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    return {"image_url", "neither data: nor http(s)"};
  }
  if (!options_.fetch) {
    return {"image_not_fetched", "is at a URL that was not fetched"};
  }
  constexpr std::size_t kRememberedMax = 10'000;
  const std::string key(url);
  const auto known = remembered_.find(key);
  if (known != remembered_.end()) {
    return known->second;
  }
  if (remembered_.size() == kRememberedMax) {
    remembered_.clear();
  }
  return remembered_.emplace(key, check_remote(key)).first->second;
}

ImageVerdict ImageChecker::check_remote(const std::string& url) {
  const auto bytes = fetcher_->fetch(url);
  if (!bytes) {
    return {bytes.error().code == ErrorCode::kResourceExhausted ? "image_size" : "image_unreachable",
            bytes.error().message};
  }
  return check_bytes(*bytes);
}

ImageVerdict ImageChecker::check_bytes(const std::string& bytes) {
  if (bytes.size() > kImageBytesMax) {
    return {"image_size", std::to_string(bytes.size()) + " bytes"};
  }
  const auto header = read_image_header(bytes);
  if (!header) {
    return {"image_format", header.error().message};
  }
  if (!header->is_color()) {
    return {"image_mode", "is of mode " + header->mode};
  }
  if (!options_.scan.empty()) {
    const auto refusal = scan_image(options_.scan, bytes);
    if (refusal) {
      return {"image_refused", *refusal};
    }
  }
  return {};
}

namespace {

// The URL of a part of a message's content; nullptr: it is no image.
const std::string* url_of(const Json& part) {
  if (!part.is_object() || !part.contains("image_url") || !part["image_url"].is_object()) {
    return nullptr;
  }
  const auto url = part["image_url"].find("url");
  return url != part["image_url"].end() ? url->get_ptr<const std::string*>() : nullptr;
}

}  // namespace

ImageRemoval remove_unusable_images(Json& example, ImageChecker& checker) {
  ImageRemoval removal;
  if (!example.is_object() || !example.contains("messages") || !example["messages"].is_array()) {
    return removal;
  }
  std::size_t index = 0;
  for (Json& message : example["messages"]) {
    const std::size_t number = index++;
    if (!message.is_object() || !message.contains("content") || !message["content"].is_array()) {
      continue;
    }
    Json kept = Json::array();
    std::size_t images = 0;
    std::size_t usable = 0;
    for (Json& part : message["content"]) {
      const std::string* url = url_of(part);
      if (url != nullptr) {
        ++images;
        ImageVerdict verdict = checker.check(*url);
        if (!verdict.is_usable()) {
          removal.removed.push_back({number, std::move(verdict)});
          continue;
        }
        ++usable;
      }
      kept.push_back(std::move(part));
    }
    removal.drop = removal.drop || (images > 0 && usable == 0);
    message["content"] = std::move(kept);
  }
  return removal;
}

}  // namespace luthier::data::images
