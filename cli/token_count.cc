#include "cli/token_count.h"

#include <algorithm>
#include <fstream>

#include "cli/format.h"
#include "pipelines/worker_protocol/automatic.h"

namespace luthier::cli {
namespace {

// Data is not ours: a special token written out in it is text.
constexpr text::EncodeOptions kPlain{.add_special_tokens = false, .parse_special_tokens = false};

class Counter {
 public:
  Counter(const text::Tokenizer& tokenizer, std::int64_t input_length_max)
      : prefix_(std::ssize(tokenizer.prefix_ids())), encoder_(tokenizer), length_max_(input_length_max) {}

  Result<void> add(const Json& record) {
    const auto text_in = [&record](const char* name) -> const std::string* {
      const auto found = record.is_object() ? record.find(name) : record.end();
      return record.is_object() && found != record.end() ? found->get_ptr<const std::string*>() : nullptr;
    };
    const std::string* prompt = text_in("prompt");
    const std::string* completion = text_in("completion");
    if (prompt != nullptr && completion != nullptr) {
      return add_pair(*prompt, *completion);
    }
    const std::string* text = text_in("text");
    if (text == nullptr) {
      return Error{ErrorCode::kDataLoss, "not a record of prompt and completion, or of text"};
    }
    LUTHIER_TRY(const std::int64_t count, count_ids(*text));
    stream_ += prefix_ + count + 1;
    return {};
  }

  [[nodiscard]] DatasetTokens finish() const {
    DatasetTokens all = pairs_;
    if (stream_ > 1) {  // neighbouring sequences share one token
      all.tokens += stream_ - 1;
      all.examples += (stream_ - 1 + length_max_ - 1) / length_max_;
    }
    return all;
  }

 private:
  Result<std::int64_t> count_ids(const std::string& text) {
    ids_.clear();
    LUTHIER_TRY_VOID(encoder_.encode(text, kPlain, ids_));
    return std::ssize(ids_);
  }

  Result<void> add_pair(const std::string& prompt, const std::string& completion) {
    LUTHIER_TRY(const std::int64_t asked, count_ids(prompt));
    LUTHIER_TRY(const std::int64_t answered, count_ids(completion));
    const std::int64_t kept = std::min(answered + 1, length_max_);  // with its end; it goes before the prompt
    pairs_.tokens += std::min(prefix_ + asked, length_max_ + 1 - kept) + kept - 1;
    ++pairs_.examples;
    return {};
  }

  const std::int64_t prefix_;
  text::Encoder encoder_;
  const std::int64_t length_max_;
  std::vector<text::TokenId> ids_;
  DatasetTokens pairs_;
  std::int64_t stream_ = 0;  // tokens of plain text, all texts in a row
};

// The settings of whichever method the training has, and whether that is plain text.
struct Settings {
  Json values = Json::object();
  bool plain_text = false;
};
Settings settings_of(const Json& with) {
  const Json method = with.is_object() ? with.value("method", Json()) : Json();
  for (const char* name : {"supervised", "pretrain"}) {
    if (method.is_object() && method.contains(name)) {
      const bool plain_text = name == std::string("pretrain");
      return {method[name].is_object() ? method[name] : Json::object(), plain_text};
    }
  }
  return {};
}

// A number among the settings; 0 when it is not given as one.
std::int64_t number_in(const Settings& settings, const char* name) {
  const Json value = settings.values.value(name, Json());
  return value.is_number() ? value.get<std::int64_t>() : 0;
}

std::string counted(std::int64_t count, const std::string& noun) {
  return format_count(count) + " " + noun + (count == 1 ? "" : "s");
}

}  // namespace

Result<DatasetTokens> count_dataset(const std::filesystem::path& file, const text::Tokenizer& tokenizer,
                                    std::int64_t input_length_max, std::uint64_t bytes_max) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return Error{ErrorCode::kNotFound, "there is no readable " + file.string()};
  }
  Counter counter(tokenizer, std::max<std::int64_t>(1, input_length_max));
  std::uint64_t bytes = 0;
  std::string line;
  bool whole = true;
  for (std::int64_t number = 1; std::getline(stream, line); ++number) {
    if (bytes >= bytes_max) {
      whole = false;
      break;
    }
    bytes += line.size() + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    if (auto added = counter.add(Json::parse(line, nullptr, false)); !added) {
      return std::move(added.error()).with(file.filename().string() + ":" + std::to_string(number));
    }
  }
  DatasetTokens found = counter.finish();
  if (!whole && bytes > 0) {
    found.counted_of = std::filesystem::file_size(file);
    found.counted = bytes;
    const double share = static_cast<double>(found.counted_of) / static_cast<double>(bytes);
    found.tokens = static_cast<std::int64_t>(static_cast<double>(found.tokens) * share);
    found.examples = static_cast<std::int64_t>(static_cast<double>(found.examples) * share);
  }
  return found;
}

std::int64_t input_length_of(const Json& with, std::int64_t positions) {
  const std::int64_t most = number_in(settings_of(with), "max_tokens");
  return most > 0 ? std::min(most, positions) : positions;
}

TrainingTokens tokens_of_training(const Json& with, const DatasetTokens& data) {
  const Settings settings = settings_of(with);
  const std::int64_t given = number_in(settings, "n_epochs");
  const bool is_auto = settings.values.value("n_epochs", Json()) == "auto";
  const std::int64_t epochs = given > 0 ? given
                              : is_auto ? worker_protocol::automatic_epochs(settings.plain_text, data.examples)
                                        : worker_protocol::default_epochs(settings.plain_text);
  const std::int64_t batch = number_in(settings, "batch_size") > 0
                                 ? number_in(settings, "batch_size")
                                 : worker_protocol::automatic_batch_size(data.examples);
  const std::int64_t steps_an_epoch = std::max<std::int64_t>(1, (data.examples + batch - 1) / batch);
  const std::int64_t steps = number_in(settings, "max_steps");
  const std::string an_epoch = format_count(data.tokens) + " an epoch, ";
  if (steps > 0 && steps < epochs * steps_an_epoch) {
    const double share = static_cast<double>(steps) / static_cast<double>(steps_an_epoch);
    return {static_cast<std::int64_t>(static_cast<double>(data.tokens) * share),
            an_epoch + counted(steps, "step") + " of " + counted(batch, "example")};
  }
  return {data.tokens * epochs, an_epoch + counted(epochs, "epoch")};
}

}  // namespace luthier::cli
