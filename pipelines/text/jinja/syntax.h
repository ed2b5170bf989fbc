// The syntax tree of a template. Offsets are bytes of the normalised source (jinja.h tells lines and columns).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace luthier::text::jinja {

struct Expression;
struct Statement;
using ExpressionPointer = std::unique_ptr<Expression>;
using Statements = std::vector<std::unique_ptr<Statement>>;

enum class Operator : std::uint8_t {
  kAdd,
  kSubtract,
  kMultiply,
  kDivide,
  kFloorDivide,
  kModulo,
  kPower,
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kNotIn,
};

struct Expression {
  enum class Kind : std::uint8_t {
    kText,     // text
    kInteger,  // integer
    kReal,     // real
    kBool,     // integer
    kNone,
    kName,         // text
    kTuple,        // parts
    kList,         // parts
    kDict,         // parts: key, value, key, value ...
    kAttribute,    // parts[0].text
    kItem,         // parts[0][parts[1]]
    kSlice,        // parts[0][parts[1]:parts[2]:parts[3]], absent ones null
    kCall,         // parts[0](arguments)
    kFilter,       // parts[0] | text(arguments); parts[0] is null for the filter of a block
    kTest,         // parts[0] is text(arguments)
    kBinary,       // parts[0] operators[0] parts[1]
    kCompare,      // parts[0] operators[0] parts[1] operators[1] parts[2] ...
    kConcatenate,  // parts, as text
    kAnd,
    kOr,
    kNot,
    kNegate,
    kPlus,
    kConditional,  // parts[1] if parts[0] else parts[2], which may be null
  };
  Kind kind = Kind::kNone;
  std::uint32_t offset = 0;
  std::uint32_t depth = 1;
  std::string text;
  std::int64_t integer = 0;
  double real = 0;
  std::vector<ExpressionPointer> parts;
  std::vector<Operator> operators;
  std::vector<ExpressionPointer> arguments;
  std::vector<std::pair<std::string, ExpressionPointer>> named_arguments;
  ExpressionPointer more_arguments;        // *x
  ExpressionPointer more_named_arguments;  // **x
};

// What `set`, `for` and `with` assign to.
struct Target {
  enum class Kind : std::uint8_t { kName, kAttribute, kTuple };
  Kind kind = Kind::kName;
  std::uint32_t offset = 0;
  std::string name;
  std::string attribute;  // kAttribute: name.attribute, of a namespace
  std::vector<Target> parts;
};

struct Macro {
  std::string name;
  std::vector<std::string> parameters;
  std::vector<ExpressionPointer> defaults;  // of the last parameters
  Statements body;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Statement {
  enum class Kind : std::uint8_t {
    kData,         // text
    kPrint,        // expression
    kIf,           // branches; body: else
    kFor,          // target in expression [if test]: body, otherwise
    kSet,          // target = expression
    kSetBlock,     // target, expression (a filter or null), body
    kMacro,        // macro
    kCallBlock,    // expression (a call), macro (the caller)
    kFilterBlock,  // expression, body
    kWith,         // assignments, body
    kGeneration,   // body
    kScope,        // body
    kBreak,
    kContinue,
  };
  Kind kind = Kind::kData;
  std::uint32_t offset = 0;
  std::string text;
  ExpressionPointer expression;
  ExpressionPointer test;
  Target target;
  bool recursive = false;
  Statements body;
  Statements otherwise;
  std::vector<std::pair<ExpressionPointer, Statements>> branches;
  std::vector<std::pair<Target, ExpressionPointer>> assignments;
  std::unique_ptr<Macro> macro;
};

}  // namespace luthier::text::jinja
