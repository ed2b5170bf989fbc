#include "pipelines/data/record.h"

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

bool is_long(const Record& record) {
  return record.prompt.size() + record.completion.size() > kCharactersMax &&
         count_characters(record.prompt) + count_characters(record.completion) > kCharactersMax;
}

}  // namespace luthier::data
