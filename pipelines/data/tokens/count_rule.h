// CountRule: what the tokens of an example are.
#pragma once

#include <optional>
#include <string_view>

namespace luthier::data::tokens {

enum class CountRule {
  kTemplate,  // what a training of the model reads: chats by its own template, the ends of texts among it
  kNotebook,  // what OpenAI's cookbook counts, for its prices: texts and roles, 3 a message, 1 a name, 3 a conversation
};

inline std::string_view name_of(CountRule rule) { return rule == CountRule::kTemplate ? "template" : "notebook"; }
inline std::string_view meaning_of(CountRule rule) {
  return rule == CountRule::kTemplate ? "as training reads them, by the model's own chat template"
                                      : "by the cookbook's notebook: 3 a message, 1 a name, 3 a conversation";
}
inline std::optional<CountRule> count_rule_named(std::string_view name) {
  return name == "template"   ? std::optional(CountRule::kTemplate)
         : name == "notebook" ? std::optional(CountRule::kNotebook)
                              : std::nullopt;
}

}  // namespace luthier::data::tokens
