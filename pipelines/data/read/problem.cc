#include "pipelines/data/read/problem.h"

namespace luthier::data::read {

std::string_view name_of(Severity severity) {
  switch (severity) {
    case Severity::kError: return "error";
    case Severity::kWarning: return "warning";
    case Severity::kAdvice: return "advice";
  }
  return "";
}

std::string to_string(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) {
    text += ":" + std::to_string(problem.line);
    if (problem.column > 0) {
      text += ":" + std::to_string(problem.column);
    }
  }
  return text + ": " + problem.message + " [" + problem.code + "]";
}

}  // namespace luthier::data::read
