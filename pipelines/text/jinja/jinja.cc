#include "pipelines/text/jinja/jinja.h"

#include <algorithm>
#include <new>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/fault.h"
#include "pipelines/text/jinja/parser.h"
#include "pipelines/text/jinja/unicode.h"
#include "pipelines/text/utf8.h"

namespace luthier::text::jinja {
namespace {

constexpr std::size_t kSourceBytesMax = std::size_t{1} << 20U;

// "NAME:LINE:COLUMN: ", with columns in characters.
std::string place_of(const std::string& name, std::string_view source, std::size_t offset) {
  const std::string_view before = source.substr(0, offset);
  const std::size_t line_begin = before.rfind('\n') + 1;  // 0 when there is none
  std::size_t line = 1;
  for (const char c : before) {
    line += c == '\n' ? 1 : 0;
  }
  return name + ":" + std::to_string(line) + ":" + std::to_string(count_characters(before.substr(line_begin)) + 1) +
         ": ";
}

// Takes what a rendering needed from the steps that it shares with others, however it ends.
class SharedSteps {
 public:
  SharedSteps(std::size_t* shared, const Evaluator& evaluator) : shared_(shared), evaluator_(evaluator) {}
  ~SharedSteps() {
    if (shared_ != nullptr) {
      *shared_ -= std::min(*shared_, evaluator_.steps_taken());
    }
  }
  SharedSteps(const SharedSteps&) = delete;
  SharedSteps& operator=(const SharedSteps&) = delete;

 private:
  std::size_t* shared_;
  const Evaluator& evaluator_;
};

}  // namespace

struct Template::Parsed {
  std::string name;
  std::string source;  // normalised
  Statements statements;
  bool has_generation = false;
};

Result<Template> Template::parse(std::string_view source, std::string name) {
  if (source.size() > kSourceBytesMax) {
    return Error{ErrorCode::kResourceExhausted,
                 name + ": a template of " + std::to_string(source.size()) + " bytes; at most 1 MiB are read"};
  }
  if (const auto invalid = find_invalid_utf8(source)) {
    return Error{ErrorCode::kInvalidArgument, place_of(name, source, *invalid) + "this is not UTF-8"};
  }
  const auto parsed = std::make_shared<Parsed>();
  parsed->name = std::move(name);
  parsed->source = normalize_source(source);
  std::uint32_t offset = 0;
  try {
    const std::vector<Token> tokens = tokenize(parsed->source, offset);
    for (std::size_t i = 1; i < tokens.size(); ++i) {
      parsed->has_generation =
          parsed->has_generation || (tokens[i - 1].kind == TokenKind::kBlockBegin && tokens[i].text == "generation");
    }
    parsed->statements = parse_template(tokens, offset);
  } catch (Fault& fault) {
    return Error{fault.code, place_of(parsed->name, parsed->source, offset) + fault.message};
  }
  return Template(parsed);
}

Result<Rendered> Template::render(const nlohmann::ordered_json& variables, const std::tm& date,
                                  const Limits& limits) const {
  if (!variables.is_object()) {
    return Error{ErrorCode::kInvalidArgument, parsed_->name + ": a template's variables are an object"};
  }
  Limits own = limits;
  if (own.steps_shared != nullptr) {
    own.steps_max = std::min(own.steps_max, *own.steps_shared);
  }
  Evaluator evaluator(own, date);
  const SharedSteps shared(own.steps_shared, evaluator);
  try {
    for (const auto& [name, value] : variables.items()) {
      evaluator.define(name, value);
    }
    evaluator.run(parsed_->statements);
    return evaluator.take_result();
  } catch (Fault& fault) {
    return Error{fault.code, place_of(parsed_->name, parsed_->source, evaluator.offset()) + fault.message};
  } catch (const std::bad_alloc&) {
    return Error{ErrorCode::kResourceExhausted, parsed_->name + ": out of memory"};
  }
}

bool Template::has_generation() const { return parsed_->has_generation; }
const std::string& Template::source() const { return parsed_->source; }
const std::string& Template::name() const { return parsed_->name; }

}  // namespace luthier::text::jinja
