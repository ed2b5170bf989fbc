// Regex: a compiled pattern over UTF-8 (PCRE2 with Unicode properties, just-in-time compiled where the machine
// allows). Patterns are written in the dialect of tokenizer.json files, Oniguruma's Ruby syntax; constructs that
// PCRE2 would read differently are translated or refused. Every match is bounded in steps and memory.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace luthier::text {

struct Match {
  std::size_t begin = 0;  // byte offsets
  std::size_t end = 0;
};

// Immutable after compile(); may be shared by threads, each with a Matcher of its own.
class Regex {
 public:
  // kInvalidArgument with the offset in `pattern`.
  [[nodiscard]] static Result<Regex> compile(std::string_view pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

 private:
  friend class Matcher;
  struct Code;
  explicit Regex(std::unique_ptr<Code> code);
  std::unique_ptr<Code> code_;
};

// Scratch memory of matching; one per thread and Regex. Must not outlive its Regex.
class Matcher {
 public:
  explicit Matcher(const Regex& regex);
  Matcher(Matcher&&) noexcept;
  ~Matcher();

  // The first match at or after `offset`. `subject` must be well-formed UTF-8 and `offset` a character's
  // boundary. kResourceExhausted when the pattern needs more steps or memory than allowed.
  [[nodiscard]] Result<std::optional<Match>> find(std::string_view subject, std::size_t offset);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// The pattern as PCRE2 must read it to mean what Oniguruma means; kInvalidArgument for what it cannot say.
[[nodiscard]] Result<std::string> translate_pattern(std::string_view pattern);

}  // namespace luthier::text
