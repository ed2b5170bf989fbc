// LocatedJson: pointers, parts and order of keys.
#include <algorithm>

#include "pipelines/spec/check_value.h"

namespace luthier::spec {

Position LocatedJson::at(std::string_view pointer) const {
  std::string key(pointer);
  while (true) {
    if (const auto found = places.find(key); found != places.end()) {
      return found->second.value;
    }
    const std::size_t slash = key.rfind('/');
    if (slash == std::string::npos) {
      return {};
    }
    key.resize(slash);
  }
}

std::string pointer_to(const std::string& parent, const std::string& key) {
  std::string pointer = parent + "/";
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
  return pointer;
}

LocatedJson part_of(const LocatedJson& whole, const std::string& pointer) {
  LocatedJson part;
  const nlohmann::json::json_pointer at(pointer);
  if (!whole.json.contains(at)) {
    return part;
  }
  part.json = whole.json[at];
  if (const auto self = whole.places.find(pointer); self != whole.places.end()) {
    part.places[""] = self->second;
  }
  const std::string prefix = pointer + "/";
  for (auto i = whole.places.lower_bound(prefix); i != whole.places.end() && i->first.starts_with(prefix); ++i) {
    part.places[i->first.substr(pointer.size())] = i->second;
  }
  return part;
}

std::vector<std::string> keys_in_order(const LocatedJson& whole, const std::string& pointer) {
  std::vector<std::pair<Position, std::string>> placed;
  const nlohmann::json::json_pointer at(pointer);
  if (whole.json.contains(at) && whole.json[at].is_object()) {
    for (const auto& [key, value] : whole.json[at].items()) {
      const auto found = whole.places.find(pointer_to(pointer, key));
      placed.emplace_back(found == whole.places.end() ? Position{} : found->second.key, key);
    }
  }
  std::sort(placed.begin(), placed.end());
  std::vector<std::string> keys;
  for (auto& [position, key] : placed) {
    keys.push_back(std::move(key));
  }
  return keys;
}

}  // namespace luthier::spec
