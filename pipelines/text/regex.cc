#include "pipelines/text/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <cstdint>

#include "pipelines/text/unicode_classes.h"

namespace luthier::text {
namespace {

constexpr std::size_t kPatternBytesMax = 64 * 1024;
constexpr std::uint32_t kMatchStepsMax = 50'000'000;
constexpr std::uint32_t kHeapKibMax = 64 * 1024;
constexpr std::size_t kJitStackBytes = 1 << 20;

struct CodeDeleter {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct MatchDataDeleter {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};
struct MatchContextDeleter {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct JitStackDeleter {
  void operator()(pcre2_jit_stack* stack) const { pcre2_jit_stack_free(stack); }
};

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

Error refuse(std::string_view what, std::size_t offset) {
  return {ErrorCode::kInvalidArgument,
          "the pattern's " + std::string(what) + " at byte " + std::to_string(offset) + " is not supported"};
}

// What \s means to Oniguruma: Unicode's White_Space. (PCRE2's \s has U+180E in addition.)
constexpr std::string_view kWhitespace = R"(\t-\r\x{85}\p{Z})";

// What \w means to Oniguruma; PCRE2's leaves out marks and most connectors.
std::string word_characters() {
  return R"(\p{Alphabetic}\p{M}\p{Nd}\p{Pc})" + newer_characters("L") + newer_characters("M") + newer_characters("Nd");
}

// \p{…} or \P{…} at pattern[i] == 'p' or 'P'; advances i to its brace.
void translate_property(std::string_view pattern, std::size_t& i, bool in_class, std::string& out) {
  const std::size_t close = pattern.find('}', i);
  const std::string escape = "\\" + std::string(pattern.substr(i, close + 1 - i));
  const std::string newer = newer_characters(pattern.substr(i + 2, close - i - 2));
  const bool negated = pattern[i] == 'P';
  i = close;
  if (newer.empty() || (negated && in_class)) {
    out += escape;
  } else if (in_class) {
    out += escape + newer;
  } else {
    out += (negated ? "[^\\p" + escape.substr(2) : "[" + escape) + newer + "]";
  }
}

// One escape at pattern[i] == '\\'; advances i to its last character.
Result<void> translate_escape(std::string_view pattern, std::size_t& i, bool in_class, std::string& out) {
  if (i + 1 >= pattern.size()) {
    return refuse("lone backslash", i);
  }
  const char next = pattern[++i];
  const bool braced = pattern.substr(i + 1, 1) == "{" && pattern.find('}', i) != std::string_view::npos;
  if (next == 's' || next == 'w') {
    const std::string characters = next == 's' ? std::string(kWhitespace) : word_characters();
    out += in_class ? characters : "[" + characters + "]";
  } else if ((next == 'S' || next == 'W') && !in_class) {
    out += "[^" + (next == 'S' ? std::string(kWhitespace) : word_characters()) + "]";
  } else if (std::string_view("SWhHKCQ").find(next) != std::string_view::npos) {
    return refuse("\\" + std::string(1, next), i - 1);
  } else if ((next == 'p' || next == 'P') && braced) {
    translate_property(pattern, i, in_class, out);
  } else {
    out += {'\\', next};
    if (next == 'x' && braced) {  // so that its } is not taken for a quantifier's
      const std::size_t close = pattern.find('}', i);
      out += pattern.substr(i + 1, close - i);
      i = close;
    }
  }
  return {};
}

}  // namespace

Result<std::string> translate_pattern(std::string_view pattern) {
  std::string out;
  std::size_t class_begin = std::string_view::npos;  // npos: outside a class
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    const bool in_class = class_begin != std::string_view::npos;
    if (c == '\\') {
      LUTHIER_TRY_VOID(translate_escape(pattern, i, in_class, out));
      continue;
    }
    if (!in_class && c == '[') {
      class_begin = i;
    } else if (in_class && c == '[') {
      return refuse("nested character class", i);
    } else if (in_class && c == '&' && pattern.substr(i, 2) == "&&") {
      return refuse("class intersection", i);
    } else if (in_class && c == ']' && i > class_begin + 1) {
      class_begin = std::string_view::npos;
    } else if (!in_class && c == '}' && pattern.substr(i, 2) == "}+") {
      return refuse("quantifier }+", i);  // possessive in PCRE2, greedy in Oniguruma
    }
    out.push_back(c);
  }
  return out;
}

struct Regex::Code {
  std::unique_ptr<pcre2_code, CodeDeleter> code;
};

Regex::Regex(std::unique_ptr<Code> code) : code_(std::move(code)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::compile(std::string_view pattern) {
  if (pattern.size() > kPatternBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "the pattern is longer than 65536 bytes"};
  }
  LUTHIER_TRY(const std::string translated, translate_pattern(pattern));
  int error = 0;
  PCRE2_SIZE offset = 0;
  std::unique_ptr<pcre2_code, CodeDeleter> code(
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                    PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C, &error, &offset, nullptr));
  if (code == nullptr) {
    return Error{ErrorCode::kInvalidArgument,
                 "the pattern is wrong at byte " + std::to_string(offset) + ": " + message_of(error)};
  }
  (void)pcre2_jit_compile(code.get(), PCRE2_JIT_COMPLETE);  // without it the interpreter matches
  auto holder = std::make_unique<Code>();
  holder->code = std::move(code);
  return Regex(std::move(holder));
}

struct Matcher::Scratch {
  const pcre2_code* code = nullptr;
  std::unique_ptr<pcre2_match_data, MatchDataDeleter> data;
  std::unique_ptr<pcre2_jit_stack, JitStackDeleter> stack;
  std::unique_ptr<pcre2_match_context, MatchContextDeleter> context;
};

Matcher::Matcher(const Regex& regex) : scratch_(std::make_unique<Scratch>()) {
  scratch_->code = regex.code_->code.get();
  scratch_->data.reset(pcre2_match_data_create(1, nullptr));
  scratch_->context.reset(pcre2_match_context_create(nullptr));
  scratch_->stack.reset(pcre2_jit_stack_create(32 * 1024, kJitStackBytes, nullptr));
  LUTHIER_CHECK(scratch_->data != nullptr && scratch_->context != nullptr);
  pcre2_set_match_limit(scratch_->context.get(), kMatchStepsMax);
  pcre2_set_heap_limit(scratch_->context.get(), kHeapKibMax);
  if (scratch_->stack != nullptr) {
    pcre2_jit_stack_assign(scratch_->context.get(), nullptr, scratch_->stack.get());
  }
}
Matcher::Matcher(Matcher&&) noexcept = default;
Matcher::~Matcher() = default;

Result<std::optional<Match>> Matcher::find(std::string_view subject, std::size_t offset) {
  const auto match = [&](std::uint32_t options) {
    return pcre2_match(scratch_->code, reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), offset,
                       options | PCRE2_NO_UTF_CHECK, scratch_->data.get(), scratch_->context.get());
  };
  int count = match(0);
  if (count == PCRE2_ERROR_JIT_STACKLIMIT) {
    count = match(PCRE2_NO_JIT);  // the interpreter keeps its state on the heap, within our limit
  }
  if (count == PCRE2_ERROR_NOMATCH) {
    return std::optional<Match>{};
  }
  if (count < 0) {
    return Error{ErrorCode::kResourceExhausted,
                 "matching the pattern at byte " + std::to_string(offset) + ": " + message_of(count)};
  }
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(scratch_->data.get());
  LUTHIER_CHECK(bounds[0] <= bounds[1] && bounds[1] <= subject.size());
  return std::optional<Match>{Match{bounds[0], bounds[1]}};
}

}  // namespace luthier::text
