// ContentScan: what a text holds that nobody wants a model to learn: secrets, e-mail addresses, damage by a wrong
// encoding, refusals. One pass over the bytes.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace luthier::data::check {

struct ContentMarks {
  std::string_view secret;         // what kind: "an AWS access key"; empty: none
  std::string_view email_address;  // the first one, part of the text
  std::string_view damage;         // the first damaged place, part of the text
};
void scan_content(std::string_view text, ContentMarks& marks);

// "I'm sorry, but I can't …", "As an AI language model …" at the start of an answer.
[[nodiscard]] bool is_refusal(std::string_view answer);

}  // namespace luthier::data::check
