// Python's operators.
#include <cmath>

#include "pipelines/text/jinja/evaluator.h"
#include "pipelines/text/jinja/text_work.h"
#include "pipelines/text/jinja/unicode.h"

namespace luthier::text::jinja {
namespace {

std::string_view sign_of(Operator sign) {
  switch (sign) {
    case Operator::kAdd: return "+";
    case Operator::kSubtract: return "-";
    case Operator::kMultiply: return "*";
    case Operator::kDivide: return "/";
    case Operator::kFloorDivide: return "//";
    case Operator::kModulo: return "%";
    case Operator::kPower: return "**";
    case Operator::kEqual: return "==";
    case Operator::kNotEqual: return "!=";
    case Operator::kLess: return "<";
    case Operator::kLessOrEqual: return "<=";
    case Operator::kGreater: return ">";
    case Operator::kGreaterOrEqual: return ">=";
    case Operator::kIn: return "in";
    case Operator::kNotIn: return "not in";
  }
  return "";
}

[[noreturn]] void fail_operands(Operator sign, const Value& left, const Value& right) {
  for (const Value* value : {&left, &right}) {
    if (value->is_undefined()) {
      fail(undefined_message(*value));
    }
  }
  fail("'" + std::string(sign_of(sign)) + "' does not work on '" + std::string(type_name(left)) + "' and '" +
       std::string(type_name(right)) + "'" + (sign == Operator::kAdd ? "; '~' joins anything as text" : ""));
}

[[noreturn]] void fail_overflow() { fail("a number becomes larger than 64 bits hold"); }

// Floor division and its remainder, which has the divisor's sign.
double floored_quotient(double left, double right) { return std::floor(left / right); }
double floored_remainder(double left, double right) {
  const double remainder = std::fmod(left, right);
  return remainder != 0 && (remainder < 0) != (right < 0) ? remainder + right : remainder;
}

Value power(std::int64_t base, std::int64_t exponent) {
  if (exponent < 0) {
    if (base == 0) {
      fail("division by zero");
    }
    return Value::real(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  if (base == 1 || base == 0 || base == -1) {
    return Value::integer(exponent == 0 ? 1 : base == -1 && exponent % 2 == 0 ? 1 : base);
  }
  std::int64_t result = 1;
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) {
      fail_overflow();
    }
  }
  return Value::integer(result);
}

Value apply_integers(Operator sign, std::int64_t left, std::int64_t right) {
  std::int64_t result = 0;
  bool overflow = false;
  switch (sign) {
    case Operator::kAdd: overflow = __builtin_add_overflow(left, right, &result); break;
    case Operator::kSubtract: overflow = __builtin_sub_overflow(left, right, &result); break;
    case Operator::kMultiply: overflow = __builtin_mul_overflow(left, right, &result); break;
    case Operator::kPower: return power(left, right);
    default:
      if (right == 0) {
        fail("division by zero");
      }
      if (sign == Operator::kDivide) {
        return Value::real(static_cast<double>(left) / static_cast<double>(right));
      }
      if (right == -1) {  // the least number has no counterpart
        overflow = sign == Operator::kFloorDivide && __builtin_sub_overflow(std::int64_t{0}, left, &result);
        break;
      }
      const std::int64_t remainder = left % right;
      const bool adjusts = remainder != 0 && (remainder < 0) != (right < 0);
      result = sign == Operator::kModulo ? remainder + (adjusts ? right : 0) : left / right - (adjusts ? 1 : 0);
  }
  if (overflow) {
    fail_overflow();
  }
  return Value::integer(result);
}

Value apply_reals(Operator sign, double left, double right) {
  switch (sign) {
    case Operator::kAdd: return Value::real(left + right);
    case Operator::kSubtract: return Value::real(left - right);
    case Operator::kMultiply: return Value::real(left * right);
    case Operator::kPower: return Value::real(std::pow(left, right));
    default: break;
  }
  if (right == 0) {
    fail("division by zero");
  }
  switch (sign) {
    case Operator::kDivide: return Value::real(left / right);
    case Operator::kFloorDivide: return Value::real(floored_quotient(left, right));
    default: return Value::real(floored_remainder(left, right));
  }
}

Value repeat(Evaluator& evaluator, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(count < 0 ? 0 : count);
  const std::size_t size = value.is_text() ? value.as_text().size() : value.as_list().items.size() * sizeof(Value);
  if (size != 0) {
    evaluator.heap().need(times > SIZE_MAX / size ? SIZE_MAX : times * size);
  }
  if (value.is_text()) {
    std::string text;
    text.reserve(size * (size == 0 ? 0 : times));
    for (std::size_t i = 0; size != 0 && i < times; ++i) {
      text += value.as_text();
    }
    return evaluator.heap().text(std::move(text));
  }
  std::vector<Value> items;
  for (std::size_t i = 0; size != 0 && i < times; ++i) {
    items.insert(items.end(), value.as_list().items.begin(), value.as_list().items.end());
  }
  return evaluator.heap().list_value(std::move(items), value.as_list().kind);
}

bool is_sequence(const Value& value) {
  return value.is_text() || (value.is(Kind::kList) && value.as_list().kind <= ListKind::kTuple);
}

Value arithmetic(Evaluator& evaluator, Operator sign, const Value& left, const Value& right) {
  if (left.is_number() && right.is_number()) {
    return left.is_integral() && right.is_integral() ? apply_integers(sign, left.as_integer(), right.as_integer())
                                                     : apply_reals(sign, left.as_real(), right.as_real());
  }
  Heap& heap = evaluator.heap();
  if (sign == Operator::kAdd && left.is_text() && right.is_text()) {
    heap.scan(left.as_text().size() + right.as_text().size());
    const bool is_markup = left.is_markup() || right.is_markup();
    TextBuilder text(heap);
    for (const Value* part : {&left, &right}) {
      text.add(is_markup && !part->is_markup() ? html_escaped(part->as_text()) : std::string(part->as_text()));
    }
    const Value sum = text.finish();
    return is_markup ? Value::markup(sum.as_text()) : sum;
  }
  if (sign == Operator::kAdd && is_sequence(left) && is_sequence(right) && !left.is_text() && !right.is_text() &&
      left.as_list().kind == right.as_list().kind) {
    std::vector<Value> items = left.as_list().items;
    items.insert(items.end(), right.as_list().items.begin(), right.as_list().items.end());
    return heap.list_value(std::move(items), left.as_list().kind);
  }
  if (sign == Operator::kMultiply && is_sequence(left) && right.is_integral()) {
    return repeat(evaluator, left, right.as_integer());
  }
  if (sign == Operator::kMultiply && is_sequence(right) && left.is_integral()) {
    return repeat(evaluator, right, left.as_integer());
  }
  if (sign == Operator::kModulo && left.is_text()) {
    return format_percent(evaluator, left.as_text(), right);
  }
  fail_operands(sign, left, right);
}

// The places that a slice takes, as Python counts them.
std::vector<std::size_t> places_of(std::size_t size, const std::optional<std::int64_t>& begin,
                                   const std::optional<std::int64_t>& end, std::int64_t step) {
  const auto count = static_cast<std::int64_t>(size);
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? count : count - 1;
  const auto clamp = [&](std::int64_t at) { return std::min(std::max(at < 0 ? at + count : at, low), high); };
  const std::int64_t first = begin ? clamp(*begin) : (step > 0 ? low : high);
  const std::int64_t last = end ? clamp(*end) : (step > 0 ? high : low);
  std::vector<std::size_t> places;
  for (std::int64_t at = first; step > 0 ? at < last : at > last;) {
    places.push_back(static_cast<std::size_t>(at));
    if (__builtin_add_overflow(at, step, &at)) {
      break;
    }
  }
  return places;
}

}  // namespace

Value apply(Evaluator& evaluator, Operator sign, const Value& left, const Value& right) {
  Heap& heap = evaluator.heap();
  switch (sign) {
    case Operator::kEqual: return Value::boolean(equals(heap, left, right));
    case Operator::kNotEqual: return Value::boolean(!equals(heap, left, right));
    case Operator::kLess: return Value::boolean(compare(heap, left, right, "<") < 0);
    case Operator::kLessOrEqual: return Value::boolean(compare(heap, left, right, "<=") <= 0);
    case Operator::kGreater: return Value::boolean(compare(heap, left, right, ">") > 0);
    case Operator::kGreaterOrEqual: return Value::boolean(compare(heap, left, right, ">=") >= 0);
    case Operator::kIn: return Value::boolean(contains(heap, right, left));
    case Operator::kNotIn: return Value::boolean(!contains(heap, right, left));
    default: return arithmetic(evaluator, sign, left, right);
  }
}

Value slice_of(Evaluator& evaluator, const Value& object, const std::optional<std::int64_t>& begin,
               const std::optional<std::int64_t>& end, const std::optional<std::int64_t>& step) {
  if (step == 0) {
    fail("the step of a slice cannot be 0");
  }
  Heap& heap = evaluator.heap();
  const bool is_list = object.is(Kind::kList) && !object.as_list().is_view();
  if (!is_list && !object.is_text()) {
    fail(object.is_undefined() ? undefined_message(object)
                               : "'" + std::string(type_name(object)) + "' cannot be sliced");
  }
  if (is_list) {
    std::vector<Value> items;
    for (const std::size_t at : places_of(object.as_list().items.size(), begin, end, step.value_or(1))) {
      items.push_back(object.as_list().items[at]);
    }
    return heap.list_value(std::move(items), object.as_list().kind);
  }
  const std::string_view text = object.as_text();
  heap.scan(text.size());
  heap.need(text.size() * sizeof(std::string_view));
  const std::vector<std::string_view> characters = characters_of(text);
  const std::vector<std::size_t> places = places_of(characters.size(), begin, end, step.value_or(1));
  if (step.value_or(1) == 1) {  // a piece of the text itself
    if (places.empty()) {
      return Value::text({});
    }
    const std::string_view last = characters[places.back()];
    const char* first = characters[places.front()].data();
    return Value::text({first, static_cast<std::size_t>(last.data() + last.size() - first)});
  }
  TextBuilder built(heap);
  for (const std::size_t at : places) {
    built.add(characters[at]);
  }
  return built.finish();
}

}  // namespace luthier::text::jinja
