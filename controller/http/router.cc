#include "controller/http/router.h"

#include <algorithm>

namespace luthier::http {
namespace {

constexpr std::size_t kQueryNamesMax = 64;
constexpr std::size_t kSegmentsMax = 32;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') {
    return digit - '0';
  }
  if (digit >= 'a' && digit <= 'f') {
    return digit - 'a' + 10;
  }
  if (digit >= 'A' && digit <= 'F') {
    return digit - 'A' + 10;
  }
  return -1;
}

bool is_parameter(const std::string& segment) {
  return segment.size() > 2 && segment.front() == '{' && segment.back() == '}';
}

std::optional<std::map<std::string, std::string>> match_segments(const std::vector<std::string>& pattern,
                                                                 const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) {
    return std::nullopt;
  }
  std::map<std::string, std::string> parameters;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_parameter(pattern[i]) && !segments[i].empty()) {
      parameters[pattern[i].substr(1, pattern[i].size() - 2)] = segments[i];
    } else if (pattern[i] != segments[i]) {
      return std::nullopt;
    }
  }
  return parameters;
}

Router::Match refused(Response refusal) {
  Router::Match match;
  match.refusal = std::move(refusal);
  return match;
}

}  // namespace

void Router::add(Route route) {
  LUTHIER_CHECK(static_cast<bool>(route.handle) != static_cast<bool>(route.open_sink));
  std::vector<std::string> segments = split(route.pattern, '/');
  entries_.push_back({std::move(route), std::move(segments)});
}

std::vector<const Route*> Router::routes() const {
  std::vector<const Route*> routes;
  for (const Entry& entry : entries_) {
    routes.push_back(&entry.route);
  }
  return routes;
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  std::vector<std::string> segments;
  for (const std::string& part : split(path, '/')) {
    Result<std::string> decoded = decode_percent(part);
    if (!decoded) {
      return refused(error_response(decoded.error()));
    }
    segments.push_back(std::move(*decoded));
    if (segments.size() > kSegmentsMax) {
      break;
    }
  }
  std::string allowed;
  for (const Entry& entry : entries_) {
    std::optional<std::map<std::string, std::string>> parameters = match_segments(entry.segments, segments);
    if (!parameters) {
      continue;
    }
    if (entry.route.method == method) {
      Match match;
      match.route = &entry.route;
      match.parameters = std::move(*parameters);
      return match;
    }
    allowed += (allowed.empty() ? "" : ", ") + entry.route.method;
  }
  if (allowed.empty()) {
    return refused(error_response(404, "not_found", "there is nothing at this path; docs/http-api.md lists them"));
  }
  Response refusal = error_response(405, "invalid_argument", "this path takes " + allowed);
  refusal.headers.emplace_back("allow", allowed);
  return refused(std::move(refusal));
}

Result<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char character = text[i];
    if (character == '%') {
      const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        return Error{ErrorCode::kInvalidArgument, "the URL has a '%' that two hexadecimal digits do not follow"};
      }
      character = static_cast<char>(high * 16 + low);
      i += 2;
    }
    if (static_cast<unsigned char>(character) < 0x20 || character == 0x7f) {
      return Error{ErrorCode::kInvalidArgument, "the URL holds a control character"};
    }
    decoded += character;
  }
  return decoded;
}

std::string encode_percent(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string encoded;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                       byte == '-' || byte == '_' || byte == '.' || byte == '~';
    if (plain) {
      encoded += character;
    } else {
      encoded += '%';
      encoded += kDigits[byte >> 4];
      encoded += kDigits[byte & 15];
    }
  }
  return encoded;
}

Result<std::map<std::string, std::string>> parse_query(std::string_view query) {
  std::map<std::string, std::string> values;
  if (query.empty()) {
    return values;
  }
  for (std::string& part : split(query, '&')) {
    if (part.empty()) {
      continue;
    }
    std::replace(part.begin(), part.end(), '+', ' ');
    const std::size_t equals = part.find('=');
    LUTHIER_TRY(std::string name, decode_percent(std::string_view(part).substr(0, equals)));
    std::string value;
    if (equals != std::string::npos) {
      LUTHIER_TRY(value, decode_percent(std::string_view(part).substr(equals + 1)));
    }
    values[std::move(name)] = std::move(value);
    if (values.size() > kQueryNamesMax) {
      return Error{ErrorCode::kInvalidArgument, "the URL's query has too many names"};
    }
  }
  return values;
}

bool allows(store::Scope have, store::Scope need) {
  if (have == store::Scope::kAgent || need == store::Scope::kAgent) {
    return false;
  }
  return static_cast<int>(have) >= static_cast<int>(need);
}

}  // namespace luthier::http
