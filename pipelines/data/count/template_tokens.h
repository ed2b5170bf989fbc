// TemplateCounter: the tokens of one example as a training of the model reads it. Images are not text: their tokens are
// those of the published rule, beside what the template writes for them.
#pragma once

#include "base/result.h"
#include "pipelines/data/count/example_tokens.h"
#include "pipelines/data/tokens/record_tokens.h"

namespace luthier::data::count {

// One per thread.
class TemplateCounter {
 public:
  // `model` must outlive it and have a tokenizer.
  TemplateCounter(const tokens::ModelText& model, text::ChatOptions options) : tokenizer_(model, std::move(options)) {}

  // A preference is two conversations. Errors say why the example cannot be counted, without the place.
  [[nodiscard]] Result<ExampleTokens> count(const read::Json& record);

 private:
  tokens::RecordTokenizer tokenizer_;
};

}  // namespace luthier::data::count
