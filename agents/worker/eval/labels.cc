#include "agents/worker/eval/labels.h"

#include <algorithm>
#include <map>

namespace luthier::worker {
namespace {

constexpr std::size_t kGuessedLabelsMax = 64;
constexpr const char* kWhitespace = " \t\r\n";

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kWhitespace);
  if (first == std::string_view::npos) {
    return {};
  }
  return text.substr(first, text.find_last_not_of(kWhitespace) - first + 1);
}

Labels Labels::find(const std::vector<std::string>& wanted, const std::vector<Record>& records) {
  std::map<std::string, std::string> written;  // name -> completion
  for (const Record& record : records) {
    written.emplace(trimmed(record.completion), record.completion);
  }
  std::map<std::string, std::string> chosen;
  if (wanted.empty() && written.size() <= kGuessedLabelsMax && 2 * written.size() <= records.size()) {
    chosen = written;
  }
  std::string lead;
  if (!records.empty()) {
    const std::string& completion = records.front().completion;
    lead = completion.substr(0, std::min(completion.find_first_not_of(kWhitespace), completion.size()));
  }
  for (const std::string& label : wanted) {
    const std::string name(trimmed(label));
    const auto found = written.find(name);
    chosen[name] = found != written.end() ? found->second : lead + name;
  }
  Labels labels;
  for (auto& [name, completion] : chosen) {
    labels.names_.push_back(name);
    labels.completions_.push_back(completion);
  }
  return labels;
}

std::optional<std::size_t> Labels::index_of(std::string_view completion) const {
  const auto found = std::lower_bound(names_.begin(), names_.end(), trimmed(completion));
  if (found == names_.end() || *found != trimmed(completion)) {
    return std::nullopt;
  }
  return static_cast<std::size_t>(found - names_.begin());
}

}  // namespace luthier::worker
