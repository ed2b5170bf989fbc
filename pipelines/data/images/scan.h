// Scan: the hook by which a site's own program or service looks at images (people, children, CAPTCHAs …). None unless
// told.
#pragma once

#include <optional>
#include <string>

namespace luthier::data::images {

// `scan`: an http(s) URL, which gets the image by POST and answers 200 with {"allowed": true} or {"allowed": false,
// "reason": "…"}; or a program, which gets the path of the image's file as its only argument and ends with 0 (allowed)
// or 1 (refused, the reason being the first line of its output). Anything else, also more than 30 s, refuses the image
// with that as reason: an image that nobody could look at is not trained on. nullopt: allowed.
[[nodiscard]] std::optional<std::string> scan_image(const std::string& scan, const std::string& bytes);

}  // namespace luthier::data::images
