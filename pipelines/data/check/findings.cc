#include "pipelines/data/check/findings.h"

#include <algorithm>

namespace luthier::data::check {

void Findings::add(const read::Problem& problem) {
  add(problem.code, [&] { return Place{problem.file, problem.line, problem.column, problem.message}; });
}

void Findings::add_many(std::string_view code, std::int64_t count, std::vector<Place> first) {
  if (count == 0) {
    return;
  }
  Finding& finding = of(code);
  finding.count += count;
  for (Place& place : first) {
    if (finding.first.size() < places_max_) {
      finding.first.push_back(std::move(place));
    }
  }
}

void Findings::append(Findings&& later) {
  for (auto& [code, finding] : later.by_code_) {
    add_many(code, finding.count, std::move(finding.first));
  }
}

std::int64_t Findings::count(std::string_view code) const {
  const auto found = by_code_.find(code);
  return found == by_code_.end() ? 0 : found->second.count;
}

std::int64_t Findings::count(Severity severity) const {
  return std::count_if(by_code_.begin(), by_code_.end(),
                       [&](const auto& entry) { return code_named(entry.first).severity == severity; });
}

}  // namespace luthier::data::check
