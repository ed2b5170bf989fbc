#include "pipelines/data/count/count_file.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "pipelines/data/count/example_tokens.h"
#include "pipelines/data/count/template_tokens.h"

namespace luthier::data::count {
namespace {

constexpr std::size_t kSkippedShown = 10;

std::uint32_t narrow(std::int64_t value) {
  return static_cast<std::uint32_t>(std::min<std::int64_t>(value, std::numeric_limits<std::uint32_t>::max()));
}

struct Columns {
  std::vector<std::uint32_t> messages;
  std::vector<std::uint32_t> tokens;
  std::vector<std::uint32_t> trained;
};

void skip(Counts& counts, std::int64_t line, const std::string& why) {
  ++counts.skipped_records;
  if (counts.skipped.size() < kSkippedShown) {
    counts.skipped.push_back(counts.file + ":" + std::to_string(line) + ": " + why);
  }
}

void add(const ExampleTokens& example, Counts& counts, Columns& columns) {
  ++counts.examples;
  counts.tokens += example.tokens;
  counts.trained += example.trained;
  counts.images += example.images;
  counts.image_tokens += example.image_tokens;
  counts.images_of_unknown_size += example.images_of_unknown_size;
  counts.chat = counts.chat || example.chat;
  if (example.chat) {
    counts.missing_system += example.has_system ? 0 : 1;
    counts.missing_user += example.has_user ? 0 : 1;
    columns.messages.push_back(narrow(example.messages));
  }
  columns.tokens.push_back(narrow(example.tokens));
  columns.trained.push_back(narrow(example.trained));
}

// What the contexts do to examples of these lengths.
void apply_contexts(const CountOptions& options, const std::vector<std::uint32_t>& tokens, Counts& counts) {
  counts.training_context = options.training_context.value_or(counts.chat ? kChatContext : kCompletionContext);
  counts.context = options.context;
  // A training does not read the last token, it only asks for it.
  const std::int64_t only_asked = counts.rule == tokens::CountRule::kTemplate ? 1 : 0;
  for (const std::uint32_t length : tokens) {
    const std::int64_t kept = std::min<std::int64_t>(length, counts.training_context + only_asked);
    counts.truncated += kept < length ? 1 : 0;
    counts.cut_tokens += length - kept;
    counts.billed += kept;
    counts.longer_than_context += counts.context.has_value() && length > *counts.context ? 1 : 0;
  }
}

}  // namespace

Result<Counts> count_file(const CountOptions& options, const tokens::ModelText& model) {
  LUTHIER_CHECK(model.tokenizer.has_value());
  Counts counts;
  counts.rule = options.rule;
  counts.file = options.file.string();
  LUTHIER_TRY(const std::unique_ptr<read::Reader> reader, read::open_reader(options.file, options.read));
  read::ExampleStream stream(*reader, counts.file);
  ExampleCounter by_notebook(*model.tokenizer);
  TemplateCounter by_template(model, options.chat);
  Columns columns;
  while (true) {
    LUTHIER_TRY(const std::optional<read::ReadExample> next, stream.next());
    if (!next.has_value()) {
      break;
    }
    if (next->problem.has_value()) {
      skip(counts, next->example.line, next->problem->message);
      continue;
    }
    const auto example = options.rule == tokens::CountRule::kTemplate ? by_template.count(next->example.value)
                                                                      : by_notebook.count(next->example.value);
    if (!example) {
      skip(counts, next->example.line, example.error().message);
      continue;
    }
    ++counts.kinds[std::string(read::name_of(read::kind_of(next->example.value)))];
    add(*example, counts, columns);
    if (options.each) {
      options.each(next->example.line, example->tokens, example->trained);
    }
  }
  counts.format = read::name_of(reader->format());
  if (counts.examples == 0) {
    return Error{ErrorCode::kInvalidArgument,
                 counts.file + " has no example that could be counted" +
                     (counts.skipped.empty() ? std::string() : "; the first problem: " + counts.skipped.front())};
  }
  apply_contexts(options, columns.tokens, counts);
  if (!columns.messages.empty()) {
    counts.messages_per_example = describe(columns.messages);
  }
  counts.tokens_per_example = describe(columns.tokens);
  counts.trained_per_example = describe(columns.trained);
  return counts;
}

}  // namespace luthier::data::count
