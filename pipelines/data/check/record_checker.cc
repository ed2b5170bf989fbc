#include "pipelines/data/check/record_checker.h"

#include <simdjson.h>

#include <algorithm>

#include "base/check.h"
#include "pipelines/data/check/chat_checks.h"
#include "pipelines/data/check/codes.h"
#include "pipelines/data/check/completion_checks.h"
#include "pipelines/data/check/content_scan.h"
#include "pipelines/data/check/preference_checks.h"
#include "pipelines/data/read/broken_json.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/text/utf8.h"

namespace luthier::data::check {

using simdjson::dom::array;
using simdjson::dom::object;

std::string quote(std::string_view text) {
  constexpr std::size_t kBytesMax = 60;
  std::string clean = text::replace_invalid_utf8(text.substr(0, kBytesMax));
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return '"' + clean + (text.size() > kBytesMax ? "…\"" : "\"");
}

class RecordChecker::Impl {
 public:
  explicit Impl(const RecordCheckerOptions& options) : options_(options), images_(options.images) {
    LUTHIER_CHECK(parser_.allocate(read::kBatchBytes, read::kJsonDepthMax) == simdjson::SUCCESS);
    if (options.model && options.rule == tokens::CountRule::kTemplate) {
      training_.emplace(*options.model, options.chat, options.context);
    } else if (options.model) {
      tokens_.emplace(*options.model->tokenizer, options.context);
    }
  }

  BatchResult check(const read::Batch& batch) {
    BatchResult result;
    for (const read::Problem& problem : batch.problems) {
      result.totals.findings.add(problem);
    }
    for (std::size_t i = 0; i < batch.records.size(); ++i) {
      i = check_record(batch, i, result);
    }
    return result;
  }

 private:
  // The index of the last record that was looked at: broken ones may go on over several.
  std::size_t check_record(const read::Batch& batch, std::size_t index, BatchResult& result) {
    const read::RawRecord& raw = batch.records[index];
    const std::string_view text = batch.text_of(raw);
    ++result.totals.records;
    Element element;
    if (parser_.parse(text.data(), text.size(), false).get(element) == simdjson::SUCCESS) {
      check_value(element, text, raw, result);
      return index;
    }
    read::BrokenJson broken = read::diagnose(text, {options_.file, raw.line, raw.column});
    if (broken.value) {  // numbers beyond 64 bits, which simdjson does not hold: once more with what they come to
      const std::string again = broken.value->dump();
      simdjson::padded_string padded(again);
      if (parser_.parse(padded).get(element) == simdjson::SUCCESS) {
        check_value(element, text, raw, result);
      }
      return index;
    }
    if (read::may_go_on(*broken.problem)) {
      if (const auto joined = joiner_.join(batch, index)) {
        result.totals.findings.add(read::over_lines(batch, index, *joined, options_.file));
        return joined->last;
      }
    }
    result.totals.findings.add(*broken.problem);
    return index;
  }

  void check_value(Element element, std::string_view text, const read::RawRecord& raw, BatchResult& result) {
    object record;
    if (element.get(record) != simdjson::SUCCESS) {
      result.totals.findings.add(read::not_an_object(text, {options_.file, raw.line, raw.column}));
      return;
    }
    const RecordContext context{options_.file, raw.line, result.totals.findings};
    texts_.clear();
    const std::int64_t errors = training_ ? errors_in(result.totals) : 0;
    const RecordKind kind = check_kind(context, record, result.totals);
    result.totals.kinds[kind].add(raw.line);
    if (training_ && kind != RecordKind::kUnknown && errors_in(result.totals) == errors) {
      count_as_training(context, text, result.totals);
    }
    if (kind == RecordKind::kUnknown) {
      return;
    }
    ++result.totals.examples;
    ContentMarks marks;
    scan(element, marks);
    complain_of(marks, context);
    const Hash128 hash = hash_of(element);
    result.facts.push_back({raw.line, hash});
    if (options_.near_duplicates) {
      if (const auto sketch = sketch_of(texts_)) {
        result.sketches.push_back({raw.line, hash.low, *sketch});
      }
    }
  }

  // Places of errors. What the checks refuse, a template need not be asked about.
  static std::int64_t errors_in(const Totals& totals) {
    std::int64_t count = 0;
    for (const auto& [code, finding] : totals.findings.by_code()) {
      count += code_named(code).severity == Severity::kError ? finding.count : 0;
    }
    return count;
  }

  void count_as_training(const RecordContext& context, std::string_view text, Totals& totals) {
    const read::Json record = read::Json::parse(text, nullptr, false);
    const RecordKind kind = read::kind_of(record);
    if (kind == RecordKind::kPreference || kind == RecordKind::kGraderData) {
      return;
    }
    std::string cut;
    const auto count = training_->count(record, cut);
    if (count) {
      note_tokens(context, *count, cut, totals);
    } else if (kind == RecordKind::kChat) {
      context.complain("template_refused", [&] { return count.error().message; });
    }
  }

  RecordKind check_kind(const RecordContext& context, object record, Totals& totals) {
    switch (kind_of(record)) {
      case RecordKind::kPreference: check_preference(context, record, texts_); return RecordKind::kPreference;
      case RecordKind::kChat: return check_chat_record(context, record, totals);
      case RecordKind::kPromptCompletion:
        check_completion_record(context, record, totals);
        return RecordKind::kPromptCompletion;
      case RecordKind::kText: check_text_record(context, record, totals); return RecordKind::kText;
      case RecordKind::kGraderData:
      case RecordKind::kUnknown: break;
    }
    context.complain("unknown_kind", [&] {
      std::string names;
      for (const auto& [name, value] : record) {
        names += (names.empty() ? "" : ", ") + quote(name);
        if (names.size() > 120) {
          break;
        }
      }
      return names.empty() ? std::string("an empty object")
                           : "has " + names + ", but neither messages nor prompt and completion";
    });
    return RecordKind::kUnknown;
  }

  // As read::kind_of(), before a chat is looked into.
  static RecordKind kind_of(object record) {
    bool chat = false;
    bool completion = false;
    bool text = false;
    for (const auto& [name, value] : record) {
      if (name == "preferred_output" || name == "non_preferred_output" || name == "preferred_completion" ||
          name == "non_preferred_completion") {
        return RecordKind::kPreference;
      }
      chat = chat || name == "messages";
      completion = completion || name == "prompt" || name == "completion";
      text = text || name == "text";
    }
    return chat                                  ? RecordKind::kChat
           : completion || pair_names_of(record) ? RecordKind::kPromptCompletion
           : text && record.size() == 1          ? RecordKind::kText
                                                 : RecordKind::kUnknown;
  }

  RecordKind check_chat_record(const RecordContext& context, object record, Totals& totals) {
    const Element messages = *member(record, "messages");
    const bool grader = has_own_members(record) && !has_assistant(messages);
    ChatFacts facts;
    check_chat(context, record, messages, grader ? ChatUse::kInput : ChatUse::kTraining, facts);
    for (const MessageText& text : facts.texts) {
      if (text.role != "system" && text.role != "developer") {
        texts_.push_back(text.text);
      }
    }
    check_images(context, facts, totals);
    if (tokens_ && facts.messages > 0) {
      std::string cut;
      note_tokens(context, tokens_->count_chat(facts.texts, facts.messages, cut), cut, totals);
    }
    if (grader) {
      return RecordKind::kGraderData;
    }
    for (const auto& [name, value] : record) {
      if (!is_chat_member(name)) {
        context.complain("example_unrecognized_key", [name = name] { return "has " + quote(name); });
      }
    }
    if (!facts.answer.empty()) {
      totals.answers.add(facts.answer, context.line);
      check_answer_space(context, facts.answer);
      note_refusal(context, facts.answer, totals);
    }
    totals.prompts_given += facts.texts.size() > 1 ? 1 : 0;
    return RecordKind::kChat;
  }

  static bool has_own_members(object record) {
    return std::any_of(record.begin(), record.end(), [](const auto& entry) { return !is_chat_member(entry.key); });
  }

  static bool has_assistant(Element messages) {
    array list;
    if (messages.get(list) != simdjson::SUCCESS) {
      return false;
    }
    return std::any_of(list.begin(), list.end(), [](const Element message) {
      std::string_view role;
      return message["role"].get(role) == simdjson::SUCCESS && role == "assistant";
    });
  }

  void check_completion_record(const RecordContext& context, object record, Totals& totals) {
    const CompletionFacts facts = check_completion(context, record, totals);
    texts_ = {facts.prompt, facts.completion};
    note_refusal(context, facts.completion, totals);
    if (tokens_) {
      std::string cut;
      note_tokens(context, tokens_->count_completion(facts.prompt, facts.completion, cut), cut, totals);
    }
  }

  void check_text_record(const RecordContext& context, object record, Totals& totals) {
    const std::string_view text = text_of(*member(record, "text")).value_or("");
    texts_ = {text};
    if (text.empty()) {
      context.complain("empty_completion", [] { return std::string("text is empty or no text"); });
    }
    if (tokens_) {
      std::string cut;
      note_tokens(context, tokens_->count_completion({}, text, cut), cut, totals);
    }
  }

  void note_tokens(const RecordContext& context, std::int64_t count, const std::string& cut, Totals& totals) const {
    ++totals.tokens.examples;
    totals.tokens.tokens += count;
    if (count > totals.tokens.most) {
      totals.tokens.most = count;
      totals.tokens.most_line = context.line;
    }
    if (!cut.empty()) {
      context.complain("over_long", [&] { return cut; });
    }
  }

  static void note_refusal(const RecordContext& context, std::string_view answer, Totals& totals) {
    if (is_refusal(answer)) {
      totals.refusals.add(context.line);
    }
  }

  void check_images(const RecordContext& context, const ChatFacts& facts, Totals& totals) {
    if (facts.images.empty()) {
      return;
    }
    ++totals.examples_with_images;
    totals.images += static_cast<std::int64_t>(facts.images.size());
    if (facts.images.size() > images::kImagesOfExampleMax) {
      context.complain("image_count", [&] { return "has " + std::to_string(facts.images.size()) + " images"; });
    }
    std::map<std::size_t, bool> any_usable;  // by message
    for (const ImagePart& image : facts.images) {
      const images::ImageVerdict verdict = images_.check(image.url);
      bool& usable = any_usable[image.message];
      usable = usable || verdict.is_usable();
      totals.images_usable += verdict.is_usable() ? 1 : 0;
      if (!verdict.code.empty()) {
        context.complain(verdict.code, [&] {
          return "an image of message " + std::to_string(image.message + 1) +
                 (verdict.is_usable() ? " " : " is skipped: ") + verdict.reason;
        });
      }
    }
    for (const auto& [message, usable] : any_usable) {
      if (!usable) {
        context.complain("example_without_images", [message = message] {
          return "is dropped: message " + std::to_string(message + 1) + " has lost all its images";
        });
        break;
      }
    }
  }

  // Every text of a record, whatever its name: what is ignored by training is uploaded all the same.
  static void scan(Element element, ContentMarks& marks) {
    std::string_view text;
    array list;
    object fields;
    if (element.get(text) == simdjson::SUCCESS) {
      constexpr std::string_view kImage = "data:image/";
      if (!text.starts_with(kImage)) {
        scan_content(text, marks);
      }
    } else if (element.get(list) == simdjson::SUCCESS) {
      for (const Element value : list) {
        scan(value, marks);
      }
    } else if (element.get(fields) == simdjson::SUCCESS) {
      for (const auto& [name, value] : fields) {
        scan(value, marks);
      }
    }
  }

  static void complain_of(const ContentMarks& marks, const RecordContext& context) {
    if (!marks.secret.empty()) {
      context.complain("secret",
                       [&] { return "holds " + std::string(marks.secret); });  // the secret itself is not shown
    }
    if (!marks.email_address.empty()) {
      context.complain("email_address", [&] { return "holds " + quote(marks.email_address); });
    }
    if (!marks.damage.empty()) {
      context.complain("encoding_damage", [&] { return "holds " + quote(marks.damage); });
    }
  }

  RecordCheckerOptions options_;
  simdjson::dom::parser parser_;
  read::LineJoiner joiner_;
  images::ImageChecker images_;
  std::optional<TokenCounter> tokens_;       // by the notebook's rule
  std::optional<TrainingCounter> training_;  // by the model's template
  std::vector<std::string_view> texts_;      // of the record at hand, into the parser's document
};

RecordChecker::RecordChecker(const RecordCheckerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
RecordChecker::~RecordChecker() = default;

BatchResult RecordChecker::check(const read::Batch& batch) { return impl_->check(batch); }

}  // namespace luthier::data::check
