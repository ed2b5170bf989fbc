// How a template's failures travel inside this folder: as an exception, because every operator, filter and method may
// fail. Template::parse() and Template::render() (jinja.h) turn it into an Error; it never leaves the folder.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace luthier::text::jinja {

struct Fault {
  ErrorCode code;
  std::string message;
};

// The template or its data is wrong. The place is where the parser or the evaluator stands.
[[noreturn]] inline void fail(std::string message) { throw Fault{ErrorCode::kInvalidArgument, std::move(message)}; }

// A bound was met.
[[noreturn]] inline void fail_bound(std::string message) {
  throw Fault{ErrorCode::kResourceExhausted, std::move(message)};
}

}  // namespace luthier::text::jinja
