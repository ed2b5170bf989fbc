#include "pipelines/data/record.h"

#include <set>
#include <unordered_map>

#include "pipelines/data/letters.h"
#include "pipelines/data/report.h"
#include "pipelines/data/whitespace.h"

namespace luthier::data {
namespace {

constexpr std::size_t kCharactersMax = 10'000;

}  // namespace

std::string detail_of(const Record& record) {
  return record.prompt.empty() ? excerpt(record.completion)
                               : excerpt(record.prompt) + " | " + excerpt(record.completion);
}

std::string identity_of(const Record& record, bool ignore_whitespace) {
  const std::string prompt = ignore_whitespace ? collapsed(record.prompt) : record.prompt;
  // The prompt's length keeps ("a", "bc") and ("ab", "c") apart.
  return std::to_string(prompt.size()) + ":" + prompt + record.completion;
}

std::unordered_set<std::string> prompts_in_conflict(const std::vector<Record>& records) {
  std::unordered_map<std::string, std::set<std::string>> labels;
  for (const Record& record : records) {
    labels[collapsed(record.prompt)].insert(record.completion);
  }
  std::unordered_set<std::string> conflicting;
  for (const auto& [prompt, of_prompt] : labels) {
    if (of_prompt.size() > 1) {
      conflicting.insert(prompt);
    }
  }
  return conflicting;
}

bool is_long(const Record& record) {
  return record.prompt.size() + record.completion.size() > kCharactersMax &&
         count_characters(record.prompt) + count_characters(record.completion) > kCharactersMax;
}

}  // namespace luthier::data
