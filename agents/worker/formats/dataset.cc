#include "agents/worker/formats/dataset.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "pipelines/pack/shard.h"
#include "pipelines/text/chat/bounded_json.h"

namespace luthier::worker {
namespace {

using Json = text::ChatJson;  // templates show the order of members

// Data is not ours: a special token written out in it is text, not a command.
constexpr text::EncodeOptions kPlain{.add_special_tokens = false, .parse_special_tokens = false};

Error bad_record(const std::filesystem::path& file, std::int64_t line, const std::string& what) {
  return {ErrorCode::kDataLoss, file.string() + ":" + std::to_string(line) + ": " + what};
}

bool has_text(const Json& json, const char* name) { return json.contains(name) && json[name].is_string(); }

class Reader {
 public:
  Reader(std::filesystem::path file, const text::Tokenizer& tokenizer, const DatasetOptions& options)
      : file_(std::move(file)), tokenizer_(tokenizer), encoder_(tokenizer), options_(options) {}

  Result<Dataset> read() {
    std::ifstream stream(file_, std::ios::binary);
    if (!stream && pack::Pack::is_in(file_.parent_path())) {
      return Error{ErrorCode::kInvalidArgument, file_.parent_path().string() +
                                                    " holds packed rows, which only a training takes: give the "
                                                    "dataset that they were packed from"};
    }
    if (!stream) {
      return Error{ErrorCode::kInvalidArgument,
                   "there is no readable " + file_.string() + ": a dataset is a folder with data.jsonl"};
    }
    std::string line;
    for (std::int64_t number = 1; std::getline(stream, line); ++number) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) {
        LUTHIER_TRY_VOID(read_line(line, number));
      }
    }
    if (stream.bad()) {
      return Error{ErrorCode::kInternal, "reading " + file_.string() + " failed"};
    }
    cut_stream();
    if (dataset_.examples.empty() && dataset_.dropped_count > 0) {
      return Error{ErrorCode::kInvalidArgument, "none of the " + std::to_string(dataset_.dropped_count) +
                                                    " conversations of " + file_.string() +
                                                    " has an answer of the assistant to learn within the first " +
                                                    std::to_string(options_.input_length_max + 1) + " tokens"};
    }
    if (dataset_.examples.empty()) {
      return Error{ErrorCode::kInvalidArgument, file_.string() + " holds no records"};
    }
    return std::move(dataset_);
  }

 private:
  enum class Kind { kUnknown, kPair, kText, kChat };

  Result<void> read_line(const std::string& line, std::int64_t number) {
    Json json = text::parse_bounded_json(line);
    if (!json.is_object()) {
      return bad_record(file_, number, "not a JSON object, or one that is nested too deeply");
    }
    const Kind kind = kind_of(json);
    if (kind == Kind::kUnknown && json.contains("preferred_output")) {
      return bad_record(
          file_, number,
          "a preference: there is no training on them; make conversations that end in the preferred answer");
    }
    if (kind == Kind::kUnknown) {
      return bad_record(file_, number,
                        "a record needs the strings \"prompt\" and \"completion\", or \"text\", or the list "
                        "\"messages\"");
    }
    if (kind_ != Kind::kUnknown && kind_ != kind) {
      return bad_record(file_, number, "prompt/completion, text and chat records are mixed in one dataset");
    }
    kind_ = kind;
    if (kind == Kind::kChat && !chat_) {
      LUTHIER_TRY(dataset_.format, chat_format_for_training(options_.chat_folders));
      chat_.emplace(*dataset_.format, tokenizer_, options_.input_length_max);
    }
    auto added = kind == Kind::kChat   ? add_chat(std::move(json), number)
                 : kind == Kind::kPair ? add_pair({json["prompt"], json["completion"], number, nullptr})
                                       : add_text(json["text"]);
    if (!added) {
      return bad_record(file_, number, added.error().message);
    }
    return {};
  }

  static Kind kind_of(const Json& json) {
    if (has_text(json, "prompt") && has_text(json, "completion")) {
      return Kind::kPair;
    }
    return has_text(json, "text") ? Kind::kText : json.contains("messages") ? Kind::kChat : Kind::kUnknown;
  }

  Result<void> add_chat(Json json, std::int64_t number) {
    LUTHIER_TRY(ChatReader::Made made, chat_->read(json));
    if (!made.notes.empty() && dataset_.changed_count++ == 0) {
      dataset_.first_change = "line " + std::to_string(number) + ": " + made.notes.front();
    }
    dataset_.truncated_count += made.truncated ? 1 : 0;
    if (made.example.supervised_count() == 0) {
      ++dataset_.dropped_count;
      return {};
    }
    dataset_.examples.push_back(std::move(made.example));
    if (options_.keep_records) {
      const auto asked = asked_part(json);
      dataset_.records.push_back({"", asked ? asked->answer : "", number, std::move(json)});
    }
    return {};
  }

  Result<void> add_pair(Record record) {
    LUTHIER_TRY(std::vector<TokenId> prompt, prompt_ids(encoder_, tokenizer_, record.prompt));
    std::vector<TokenId> completion;
    LUTHIER_TRY_VOID(encoder_.encode(record.completion, kPlain, completion));
    completion.push_back(options_.eos);
    bool truncated = false;
    Example example = joined_example(std::move(prompt), std::move(completion), options_.input_length_max, truncated);
    if (example.ids.size() < 2 || example.supervised_count() < 1) {
      return Error{ErrorCode::kDataLoss, "the prompt is empty: there is nothing to answer"};
    }
    dataset_.truncated_count += truncated ? 1 : 0;
    dataset_.examples.push_back(std::move(example));
    if (options_.keep_records) {
      dataset_.records.push_back(std::move(record));
    }
    return {};
  }

  Result<void> add_text(const std::string& text) {
    const auto& prefix = tokenizer_.prefix_ids();
    stream_.insert(stream_.end(), prefix.begin(), prefix.end());
    LUTHIER_TRY_VOID(encoder_.encode(text, kPlain, stream_));
    stream_.push_back(options_.eos);
    return {};
  }

  // Neighbouring sequences share one token, so that every token but the first is asked for once.
  void cut_stream() {
    const auto length = static_cast<std::size_t>(options_.input_length_max);
    for (std::size_t begin = 0; begin + 1 < stream_.size(); begin += length) {
      const std::size_t end = std::min(stream_.size(), begin + length + 1);
      dataset_.examples.push_back(example_trained_from(1, {stream_.begin() + static_cast<std::ptrdiff_t>(begin),
                                                           stream_.begin() + static_cast<std::ptrdiff_t>(end)}));
    }
    stream_.clear();
  }

  const std::filesystem::path file_;
  const text::Tokenizer& tokenizer_;
  text::Encoder encoder_;
  const DatasetOptions options_;
  Kind kind_ = Kind::kUnknown;
  std::optional<ChatReader> chat_;  // of dataset_.format
  std::vector<TokenId> stream_;
  Dataset dataset_;
};

}  // namespace

Result<Dataset> read_dataset(const std::filesystem::path& folder, const text::Tokenizer& tokenizer,
                             const DatasetOptions& options) {
  LUTHIER_CHECK(options.input_length_max > 0);
  return Reader(folder / "data.jsonl", tokenizer, options).read();
}

void warn_of_losses(Log& log, const std::string& name, const Dataset& data, const DatasetOptions& options) {
  const std::string left = std::to_string(data.examples.size());
  if (data.truncated_count > 0) {
    log.warning("records_truncated", {{"data", name},
                                      {"records", std::to_string(data.truncated_count)},
                                      {"of", std::to_string(std::ssize(data.examples) + data.dropped_count)},
                                      {"max_tokens", std::to_string(options.input_length_max)}});
  }
  if (data.dropped_count > 0) {
    log.warning("conversations_dropped", {{"data", name},
                                          {"conversations", std::to_string(data.dropped_count)},
                                          {"left", left},
                                          {"because", "no answer of the assistant in them is trained"}});
  }
  if (data.changed_count > 0) {
    log.warning("conversations_changed", {{"data", name},
                                          {"conversations", std::to_string(data.changed_count)},
                                          {"of", left},
                                          {"because", "the chat template would not take them as they are"},
                                          {"first", data.first_change}});
  }
}

Result<std::vector<TokenId>> prompt_ids(text::Encoder& encoder, const text::Tokenizer& tokenizer,
                                        const std::string& prompt) {
  std::vector<TokenId> ids = tokenizer.prefix_ids();
  LUTHIER_TRY_VOID(encoder.encode(prompt, kPlain, ids));
  return ids;
}

Example joined_example(std::vector<TokenId> prompt, std::vector<TokenId> completion, std::int64_t input_length_max,
                       bool& truncated) {
  const auto ids_max = static_cast<std::size_t>(input_length_max) + 1;
  truncated = prompt.size() + completion.size() > ids_max;
  if (completion.size() >= ids_max) {
    completion.resize(ids_max - 1);
  }
  const std::size_t kept = std::min(prompt.size(), ids_max - completion.size());
  std::vector<TokenId> ids(prompt.end() - static_cast<std::ptrdiff_t>(kept), prompt.end());
  ids.insert(ids.end(), completion.begin(), completion.end());
  return example_trained_from(kept, std::move(ids));
}

}  // namespace luthier::worker
