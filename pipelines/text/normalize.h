// Unicode normalisation and case by utf8proc. Texts must be well-formed UTF-8. Normalisation is that of Unicode 9, as
// Hugging Face's tokenizers have it: what came later stays as it is.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::text {

enum class UnicodeForm { kNfc, kNfd, kNfkc, kNfkd };

[[nodiscard]] Result<std::string> normalize_unicode(std::string_view text, UnicodeForm form);

[[nodiscard]] inline Result<std::string> normalize_nfc(std::string_view text) {
  return normalize_unicode(text, UnicodeForm::kNfc);
}

// Whether normalising what is before `code_point` and what begins with it apart gives the same as normalising both
// together. Never true by mistake; false for some that would do.
[[nodiscard]] bool begins_normalization_segment(char32_t code_point, UnicodeForm form);

// Whether a text of such characters alone is surely in the form already.
[[nodiscard]] bool is_inert(char32_t code_point, UnicodeForm form);

// Unicode case folding: two texts that differ in case only fold to the same text.
[[nodiscard]] Result<std::string> fold_case(std::string_view text);

// Appends the full lower case of `code_point`, whatever stands around it.
void append_lower_case(std::string& text, char32_t code_point);

}  // namespace luthier::text
