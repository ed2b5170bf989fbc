// Records of a data file for `luthier data show` and `render`: as the reader gives them, with what training makes of
// each.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/model_text.h"
#include "pipelines/data/read/reader.h"

namespace luthier::cli {

// A record as training reads it.
struct ShownRecord {
  std::string kind;
  text::RenderedChat chat;  // of other records too: their text, spans and notes
  text::Encoding tokens;    // empty without a tokenizer
  std::vector<bool> trained;
  [[nodiscard]] std::size_t trained_count() const;
};

// Chats and preferences (the preferred answer) by the template; prompts with completions, and texts, as the worker
// joins them: after the tokenizer's prefix, before its end of text, special tokens written in them as plain text.
[[nodiscard]] Result<ShownRecord> show_record(const text::ChatJson& record, const ModelText& model,
                                              const text::ChatOptions& options);

// Calls `use` for every record, or for the one that stands at `line` (0: all). kNotFound: there is none at that line.
// A record that is broken is an error when it was asked for, else handed on as a problem.
using UseRecord = std::function<Result<void>(const data::read::ReadExample& record)>;
[[nodiscard]] Result<void> for_each_record(const std::string& file, const std::string& format, std::int64_t line,
                                           const UseRecord& use);

// Text whose control characters cannot steer a terminal; line ends stay.
[[nodiscard]] std::string visible(std::string_view text);

}  // namespace luthier::cli
