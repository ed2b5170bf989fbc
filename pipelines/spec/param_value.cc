#include "pipelines/spec/param_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "pipelines/spec/check_value.h"

namespace luthier::spec {
namespace {

constexpr std::size_t kParamBytesMax = 64 << 10;

Error invalid(std::string message) { return Error{ErrorCode::kInvalidArgument, std::move(message)}; }

// `text` as the declared type; unchanged when it does not read as one, so that the type check refuses it.
Json read_as(ParamType type, const std::string& text) {
  const char* end = text.data() + text.size();
  if (type == ParamType::kInt) {
    std::int64_t integer = 0;
    const auto result = std::from_chars(text.data(), end, integer);
    return result.ec == std::errc{} && result.ptr == end ? Json(integer) : Json(text);
  }
  if (type == ParamType::kFloat) {
    double real = 0;
    const auto result = std::from_chars(text.data(), end, real);
    return result.ec == std::errc{} && result.ptr == end && std::isfinite(real) ? Json(real) : Json(text);
  }
  if (type == ParamType::kBool && (text == "true" || text == "false")) {
    return text == "true";
  }
  return text;
}

bool has_type(ParamType type, const Json& value) {
  switch (type) {
    case ParamType::kInt: return value.is_number_integer();
    case ParamType::kFloat: return value.is_number();
    case ParamType::kBool: return value.is_boolean();
    case ParamType::kString:
    case ParamType::kPath: return value.is_string();
    case ParamType::kChoice: return value.is_primitive() && !value.is_null();
  }
  return false;
}

std::string type_words(ParamType type) {
  switch (type) {
    case ParamType::kInt: return "an integer";
    case ParamType::kFloat: return "a number";
    case ParamType::kBool: return "true or false";
    case ParamType::kPath: return "a path";
    case ParamType::kString:
    case ParamType::kChoice: return "text";
  }
  return "text";
}

std::string plain(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

std::string to_string(ParamType type) {
  switch (type) {
    case ParamType::kInt: return "int";
    case ParamType::kFloat: return "float";
    case ParamType::kBool: return "bool";
    case ParamType::kPath: return "path";
    case ParamType::kChoice: return "choice";
    case ParamType::kString: break;
  }
  return "string";
}

Result<Json> check_param_value(const Param& param, const Json& given, bool from_text) {
  Json value = given;
  if (value.is_string()) {
    const std::string text = value.get<std::string>();
    if (text.size() > kParamBytesMax || find_bad_utf8(text) != std::string::npos) {
      return invalid("the value of param '" + param.name + "' must be UTF-8 text of at most 64 KiB");
    }
    if (text.find("${{") != std::string::npos) {
      return invalid("the value of param '" + param.name + "' must not hold ${{");
    }
    if (from_text) {
      value = read_as(param.type, text);
    }
  } else if (!from_text && param.type == ParamType::kString && (value.is_number() || value.is_boolean())) {
    value = value.dump();  // `default: 3` of a string is the text 3
  }
  if (!has_type(param.type, value)) {
    return invalid("param '" + param.name + "' must be " + type_words(param.type) + ", got " + describe(value));
  }
  if (value.is_number() && ((param.least && value.get<double>() < *param.least) ||
                            (param.greatest && value.get<double>() > *param.greatest))) {
    const bool below = param.least && value.get<double>() < *param.least;
    return invalid("param '" + param.name + "' must be " + (below ? "at least " : "at most ") +
                   number_text(below ? *param.least : *param.greatest) + ", got " + value.dump());
  }
  if (!param.choices.empty()) {
    std::vector<std::string> names;
    for (const Json& choice : param.choices) {
      if (choice == value || (from_text && value.is_string() && plain(choice) == value.get<std::string>())) {
        return choice;
      }
      names.push_back(plain(choice));
    }
    return invalid("param '" + param.name + "' cannot be '" + plain(value) + "'" + suggestion(plain(value), names));
  }
  return value;
}

std::size_t find_bad_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80   ? 1
                               : lead < 0xC2 ? 0
                               : lead < 0xE0 ? 2
                               : lead < 0xF0 ? 3
                               : lead < 0xF5 ? 4
                                             : 0;
    if (length == 0 || i + length > text.size()) {
      return i;
    }
    for (std::size_t k = 1; k < length; ++k) {
      const auto next = static_cast<unsigned char>(text[i + k]);
      // Overlong forms, surrogates and code points beyond U+10FFFF show in the second byte.
      const unsigned least = k > 1 ? 0x80U : lead == 0xE0 ? 0xA0U : lead == 0xF0 ? 0x90U : 0x80U;
      const unsigned greatest = k > 1 ? 0xBFU : lead == 0xED ? 0x9FU : lead == 0xF4 ? 0x8FU : 0xBFU;
      if (next < least || next > greatest) {
        return i;
      }
    }
    i += length;
  }
  return std::string_view::npos;
}

}  // namespace luthier::spec
