#include "cli/token_count.h"

#include <algorithm>
#include <fstream>

#include "base/file.h"
#include "cli/format.h"
#include "pipelines/data/tokens/record_tokens.h"
#include "pipelines/worker_protocol/automatic.h"

namespace luthier::cli {
namespace {

using data::read::RecordKind;

text::ChatOptions as_in_training() {
  text::ChatOptions options;
  options.date = text::training_date();
  return options;
}

class Counter {
 public:
  Counter(const data::tokens::ModelText& model, const CountLimits& limits)
      : tokenizer_(model, as_in_training(), model.tokenizer->eos().value_or(0)),
        row_tokens_(limits.row_tokens),
        length_max_(row_tokens_ > 0 ? row_tokens_ - 1 : std::max<std::int64_t>(1, limits.input_length_max)) {}

  Result<void> add(const data::read::Json& record) {
    auto read = tokenizer_.tokens_of(record);
    if (!read) {
      return Error{ErrorCode::kDataLoss, read.error().message};
    }
    switch (read->kind) {
      case RecordKind::kPromptCompletion: add_pair(*read); break;
      case RecordKind::kText: add_text(std::ssize(read->tokens.ids)); break;
      case RecordKind::kChat: add_chat(*read); break;
      default: return Error{ErrorCode::kDataLoss, "not a record of prompt and completion, of text, or of a chat"};
    }
    return {};
  }

  [[nodiscard]] DatasetTokens finish() const {
    DatasetTokens all = samples_;
    if (row_tokens_ > 0) {  // rows are nearly full
      all.packed = true;
      all.examples = (samples_.tokens + samples_.examples + row_tokens_ - 1) / row_tokens_;
    } else if (stream_ > 1) {  // neighbouring sequences share one token
      all.tokens += stream_ - 1;
      all.examples += (stream_ - 1 + length_max_ - 1) / length_max_;
    }
    return all;
  }

 private:
  void add_sample(std::int64_t ids) {  // the last is only asked for
    samples_.tokens += ids - 1;
    ++samples_.examples;
  }

  void add_pair(const data::tokens::RecordTokens& read) {
    const auto answered = static_cast<std::int64_t>(read.trained_count());
    const std::int64_t kept = std::min(answered, length_max_);  // with its end; it goes before the prompt
    add_sample(std::min(std::ssize(read.tokens.ids) - answered, length_max_ + 1 - kept) + kept);
  }

  void add_text(std::int64_t ids) {
    if (row_tokens_ == 0) {
      stream_ += ids;
    } else if (ids > 1) {  // cut into parts that share a token
      samples_.tokens += ids - 1;
      samples_.examples += (ids - 2) / length_max_ + 1;
    }
  }

  void add_chat(data::tokens::RecordTokens& read) {
    (void)text::keep_beginning(read.tokens.ids, read.trained, static_cast<std::size_t>(length_max_) + 1);
    if (text::learns_anything(read.trained)) {
      add_sample(std::ssize(read.tokens.ids));
    }
  }

  data::tokens::RecordTokenizer tokenizer_;
  const std::int64_t row_tokens_;
  const std::int64_t length_max_;
  DatasetTokens samples_;
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

Result<DatasetTokens> count_dataset(const std::filesystem::path& file, const data::tokens::ModelText& model,
                                    const CountLimits& limits) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return Error{ErrorCode::kNotFound, "there is no readable " + file.string()};
  }
  Counter counter(model, limits);
  std::uint64_t bytes = 0;
  std::string line;
  bool whole = true;
  for (std::int64_t number = 1; std::getline(stream, line); ++number) {
    if (bytes >= limits.bytes_max) {
      whole = false;
      break;
    }
    bytes += line.size() + 1;
    if (line.find_first_not_of(" \t\r") == std::string::npos) {
      continue;
    }
    if (auto added = counter.add(data::read::Json::parse(line, nullptr, false)); !added) {
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

Result<DatasetTokens> count_packed(const std::filesystem::path& pack_json) {
  constexpr std::uint64_t kPackBytesMax = std::uint64_t{64} << 20;
  LUTHIER_TRY(const std::string text, read_file(pack_json, kPackBytesMax));
  const Json pack = Json::parse(text, nullptr, false);
  const auto number = [&pack](const char* name) {
    const Json value = pack.is_object() ? pack.value(name, Json()) : Json();
    return value.is_number_integer() ? value.get<std::int64_t>() : 0;
  };
  if (number("bins") <= 0 || number("tokens") <= 0) {
    return Error{ErrorCode::kDataLoss, pack_json.string() + " says nothing of its rows"};
  }
  return DatasetTokens{.examples = number("bins"), .tokens = number("tokens") - number("segments"), .packed = true};
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
            an_epoch + counted(steps, "step") + " of " + counted(batch, data.packed ? "row" : "example")};
  }
  return {data.tokens * epochs, an_epoch + counted(epochs, "epoch")};
}

}  // namespace luthier::cli
