#include "pipelines/text/normalize.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

namespace luthier::text {
namespace {

struct Free {
  void operator()(void* memory) const { std::free(memory); }  // utf8proc_map returns malloc's memory
};

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) {
      return false;
    }
  }
  return true;
}

Result<std::string> map(std::string_view text, int options) {
  utf8proc_uint8_t* raw = nullptr;
  const utf8proc_ssize_t length =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &raw, static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, Free> owner(raw);
  if (length < 0) {
    return Error{ErrorCode::kResourceExhausted, std::string("normalising text: ") + utf8proc_errmsg(length)};
  }
  return std::string(reinterpret_cast<const char*>(raw), static_cast<std::size_t>(length));
}

}  // namespace

Result<std::string> normalize_nfc(std::string_view text) {
  if (is_ascii(text)) {
    return std::string(text);
  }
  return map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
}

Result<std::string> fold_case(std::string_view text) {
  return map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
}

}  // namespace luthier::text
