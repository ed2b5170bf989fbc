#include "agents/worker/error_report.h"

#include <c10/util/Exception.h>

#include <exception>
#include <new>

namespace luthier::worker {
namespace {

constexpr const char* kOutOfMemory = "out of memory";

}  // namespace

ErrorReport report_of(const Error& error) {
  using worker_protocol::FailureClass;
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound: return {FailureClass::kUser, "invalid_input"};
    case ErrorCode::kDataLoss: return {FailureClass::kUser, "invalid_data"};
    case ErrorCode::kFailedPrecondition: return {FailureClass::kUser, "nan_loss"};
    case ErrorCode::kResourceExhausted:
      return {FailureClass::kInfrastructure, error.message.starts_with(kOutOfMemory) ? "out_of_memory" : "disk_full"};
    default: return {FailureClass::kInfrastructure, "internal"};
  }
}

Error error_of_current_exception() {
  const std::string advice = ": use a smaller batch_size or max_tokens, or a machine with more memory";
  try {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    return {ErrorCode::kResourceExhausted, kOutOfMemory + advice};
  } catch (const c10::Error& error) {
    const std::string what = error.what_without_backtrace();
    if (what.find("not enough memory") != std::string::npos || what.find("can't allocate") != std::string::npos) {
      return {ErrorCode::kResourceExhausted, kOutOfMemory + advice};
    }
    return {ErrorCode::kInternal, "LibTorch: " + what.substr(0, what.find('\n'))};
  } catch (const std::bad_alloc&) {
    return {ErrorCode::kResourceExhausted, kOutOfMemory + advice};
  } catch (const std::exception& error) {
    return {ErrorCode::kInternal, error.what()};
  }
}

}  // namespace luthier::worker
