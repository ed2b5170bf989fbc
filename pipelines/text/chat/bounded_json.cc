#include "pipelines/text/chat/bounded_json.h"

namespace luthier::text {

ChatJson parse_bounded_json(std::string_view text) {
  using Json = ChatJson;
  bool too_deep = false;
  const auto watch = [&too_deep](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kJsonDepthMax;
    return !too_deep;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  return too_deep ? Json(Json::value_t::discarded) : json;
}

}  // namespace luthier::text
