// Result<T>: a value or an Error, for failures that are expected in normal operation.
//
// Member names follow std::expected, so that a later `using` can replace this class. Discarding a
// Result is a compile error under -Werror. Broken invariants are not Errors: see base/check.h.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"

namespace luthier {

// A code exists only where some caller reacts to it. The names mirror gRPC's canonical codes, so that
// each edge maps them with one total switch.
enum class ErrorCode {
  kInvalidArgument,     // the caller's input is wrong; saying it again will not help
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // a thing of that name exists and differs
  kFailedPrecondition,  // the thing is in a state that does not allow this (a conflict)
  kPermissionDenied,    // known caller, not allowed
  kUnauthenticated,     // no or wrong credentials
  kResourceExhausted,   // a bound was met (queue, disk, memory, size)
  kUnavailable,         // try again later
  kDeadlineExceeded,    // it took too long
  kCancelled,           // the caller or a person withdrew
  kDataLoss,            // stored bytes are not what they must be
  kInternal,            // anything else
};

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;  // one sentence for a person: what is wrong, where, what to do

  // Prefixes context on the way up: Error{"no such file"}.with("reading a.yaml") reads
  // "reading a.yaml: no such file".
  [[nodiscard]] Error with(const std::string& context) && {
    message.insert(0, context + ": ");
    return std::move(*this);
  }
  friend bool operator==(const Error&, const Error&) = default;
};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  // Calling value() on an error, or error() on a value, is a programming error and aborts.
  T& value() & {
    LUTHIER_CHECK(has_value());
    return std::get<0>(state_);
  }
  const T& value() const& {
    LUTHIER_CHECK(has_value());
    return std::get<0>(state_);
  }
  T&& value() && {
    LUTHIER_CHECK(has_value());
    return std::get<0>(std::move(state_));
  }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }

  Error& error() & {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(state_);
  }
  const Error& error() const& {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(state_);
  }
  Error&& error() && {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(std::move(state_));
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose
  [[nodiscard]] bool has_value() const { return error_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  void value() const { LUTHIER_CHECK(has_value()); }
  Error& error() & {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(error_);
  }
  const Error& error() const& {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(error_);
  }
  Error&& error() && {
    LUTHIER_CHECK(!has_value());
    return std::get<1>(std::move(error_));
  }

 private:
  std::variant<std::monostate, Error> error_;
};

}  // namespace luthier

#define LUTHIER_CONCAT_INNER_(a, b) a##b
#define LUTHIER_CONCAT_(a, b) LUTHIER_CONCAT_INNER_(a, b)
#define LUTHIER_TRY_INNER_(tmp, decl, expr) \
  auto tmp = (expr);                        \
  if (!tmp.has_value())                     \
    return std::move(tmp).error();          \
  decl = std::move(tmp).value()

// LUTHIER_TRY(const Spec spec, parse_spec(text));  returns the error from the enclosing function, or
// declares the value. More than one statement: always inside braces.
#define LUTHIER_TRY(decl, expr) LUTHIER_TRY_INNER_(LUTHIER_CONCAT_(try_result_, __LINE__), decl, expr)

// The same for Result<void>.
#define LUTHIER_TRY_VOID(expr)                   \
  do {                                           \
    auto try_void_result = (expr);               \
    if (!try_void_result.has_value())            \
      return std::move(try_void_result).error(); \
  } while (false)
