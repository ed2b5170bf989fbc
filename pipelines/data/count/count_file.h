// Counts a data file of any format, with bounded memory but for twelve bytes an example.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/count/distribution.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/data/tokens/count_rule.h"
#include "pipelines/data/tokens/model_text.h"

namespace luthier::data::count {

struct CountOptions {
  std::filesystem::path file;
  read::ReadOptions read;
  tokens::CountRule rule = tokens::CountRule::kNotebook;
  text::ChatOptions chat;                        // of the template
  std::optional<std::int64_t> training_context;  // tokens of an example that are trained on; the rest is cut off
  std::optional<std::int64_t> context;           // tokens that the model takes when it is asked
  // Called for each example when set.
  std::function<void(std::int64_t line, std::int64_t tokens, std::int64_t trained)> each;
};

// What training takes of an example where nothing says otherwise: the notebook's limit for chats, the limit of prompt
// and completion together for the legacy models.
inline constexpr std::int64_t kChatContext = 16'385;
inline constexpr std::int64_t kCompletionContext = 2'048;

struct Counts {
  std::string file;
  std::string format;
  tokens::CountRule rule = tokens::CountRule::kNotebook;
  std::map<std::string, std::int64_t> kinds;  // examples of each kind
  std::int64_t examples = 0;
  std::vector<std::string> skipped;  // why, with places: the first ones
  std::int64_t skipped_records = 0;
  std::int64_t tokens = 0;
  std::int64_t trained = 0;         // tokens of answers
  std::int64_t missing_system = 0;  // chats without such a message
  std::int64_t missing_user = 0;
  std::int64_t images = 0;
  std::int64_t image_tokens = 0;
  std::int64_t images_of_unknown_size = 0;
  std::int64_t training_context = 0;  // as it was used
  std::int64_t truncated = 0;         // examples longer than it
  std::int64_t cut_tokens = 0;
  std::int64_t billed = 0;  // tokens of one epoch, cut
  std::optional<std::int64_t> context;
  std::int64_t longer_than_context = 0;
  bool chat = false;
  std::optional<Distribution> messages_per_example;  // of chats
  Distribution tokens_per_example;
  Distribution trained_per_example;
};

// `model` has a tokenizer, and for chats by CountRule::kTemplate a template. kNotFound, kInvalidArgument: the file
// cannot be read, or has no example at all.
[[nodiscard]] Result<Counts> count_file(const CountOptions& options, const tokens::ModelText& model);

}  // namespace luthier::data::count
