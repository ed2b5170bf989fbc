// LocatedJson: made of YAML; pointers, parts and order of keys.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "pipelines/spec/check_value.h"

namespace luthier::spec {
namespace {

bool is_text_kind(Kind kind) {
  switch (kind) {
    case Kind::kString:
    case Kind::kName:
    case Kind::kDuration:
    case Kind::kBackoff:
    case Kind::kBytes:
    case Kind::kCondition:
    case Kind::kPath:
    case Kind::kArtifact:
    case Kind::kModel:
    case Kind::kStepType: return true;
    default: return false;
  }
}

Form form_of(const YamlNode& node) {
  return node.kind == YamlNode::Kind::kList  ? Form::kList
         : node.kind == YamlNode::Kind::kMap ? Form::kMap
                                             : Form::kScalar;
}
const Shape& any_shape() {
  static const Shape shape;
  return shape;
}

Json locate_into(const YamlNode& node, const Shape& declared, const std::string& pointer, Position key,
                 LocatedJson& out);

const Shape& member_shape(const YamlNode& map, const Shape& shape, const std::string& key) {
  if (shape.kind == Kind::kMap) {
    return shape.options.front();
  }
  const Field* field = shape.kind == Kind::kObject ? find_field(shape, key) : nullptr;
  if (field == nullptr) {
    return any_shape();
  }
  if (field->shape.kind != Kind::kStepInputs) {
    return field->shape;
  }
  for (const auto& [sibling, value] : map.members) {
    if (sibling.text == "uses" && value.kind == YamlNode::Kind::kScalar) {
      const StepType* type = find_step_type(value.text);
      return type == nullptr ? any_shape() : type->inputs;
    }
  }
  return any_shape();
}

Json locate_into(const YamlNode& node, const Shape& declared, const std::string& pointer, Position key,
                 LocatedJson& out) {
  const Shape& shape = option_for(declared, form_of(node));
  out.places[pointer] = {key, node.at};
  switch (node.kind) {
    case YamlNode::Kind::kNull: return nullptr;
    case YamlNode::Kind::kScalar:
      return node.quoted || is_text_kind(shape.kind) ? Json(node.text) : plain_scalar(node.text);
    case YamlNode::Kind::kList: {
      Json list = Json::array();
      const Shape& item = shape.kind == Kind::kList ? shape.options.front() : any_shape();
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        list.push_back(locate_into(node.items[i], item, pointer_to(pointer, std::to_string(i)), {}, out));
      }
      return list;
    }
    case YamlNode::Kind::kMap: {
      Json map = Json::object();
      for (const auto& [name, value] : node.members) {
        map[name.text] =
            locate_into(value, member_shape(node, shape, name.text), pointer_to(pointer, name.text), name.at, out);
      }
      return map;
    }
  }
  return nullptr;
}

}  // namespace

// A plain scalar as YAML's core schema reads it: booleans, decimal numbers, else text.
Json plain_scalar(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+' ? 1 : 0);
  const char* end = text.data() + text.size();
  const bool numeric = begin < end && (*begin == '-' || *begin == '.' || (*begin >= '0' && *begin <= '9'));
  if (!numeric) {
    return text;
  }
  std::int64_t integer = 0;
  if (const auto result = std::from_chars(begin, end, integer); result.ec == std::errc{} && result.ptr == end) {
    return integer;
  }
  double real = 0;
  if (const auto result = std::from_chars(begin, end, real);
      result.ec == std::errc{} && result.ptr == end && std::isfinite(real)) {
    return real;
  }
  return text;
}

LocatedJson locate(const YamlNode& node, const Shape& shape) {
  LocatedJson located;
  located.json = locate_into(node, shape, "", {}, located);
  return located;
}

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
