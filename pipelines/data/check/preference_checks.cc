#include "pipelines/data/check/preference_checks.h"

#include "pipelines/data/check/chat_checks.h"
#include "pipelines/data/check/record_hash.h"

namespace luthier::data::check {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

class PreferenceRecord {
 public:
  PreferenceRecord(const RecordContext& context, std::vector<std::string_view>& texts)
      : context_(context), texts_(texts) {}

  void check(object record) {
    std::optional<Element> input;
    std::optional<Element> preferred;
    std::optional<Element> other;
    for (const auto& [name, value] : record) {
      if (name == "input") {
        input = value;
      } else if (name == "preferred_output" || name == "preferred_completion") {
        preferred = value;
      } else if (name == "non_preferred_output" || name == "non_preferred_completion") {
        other = value;
      } else {
        context_.complain("example_unrecognized_key", [name = name] { return "has " + quote(name); });
      }
    }
    check_input(input);
    const auto good = check_output("preferred_output", preferred);
    const auto bad = check_output("non_preferred_output", other);
    if (good && bad && hash_of(*good) == hash_of(*bad)) {
      context_.complain("preference_identical", [] { return std::string("both outputs say the same"); });
    }
  }

 private:
  void complain(const std::string& problem) const {
    context_.complain("preference_form", [&] { return problem; });
  }

  void check_input(std::optional<Element> input) {
    object fields;
    std::optional<Element> messages;
    if (input && input->get(fields) == simdjson::SUCCESS) {
      messages = member(fields, "messages");
    }
    if (!messages) {
      complain(input ? "input has no messages" : "has no input");
      return;
    }
    ChatFacts facts;
    check_chat(context_, fields, *messages, ChatUse::kInput, facts);
    keep(facts);
    if (!facts.images.empty()) {
      complain("has images, and preferences are learned from text only");
    }
  }

  // The message, when there is exactly one of the assistant.
  std::optional<Element> check_output(const std::string& name, std::optional<Element> output) {
    array list;
    if (!output || output->get(list) != simdjson::SUCCESS) {
      complain(output ? name + " is no list with one message" : "has no " + name);
      return std::nullopt;
    }
    if (list.size() != 1) {
      complain(name + " has " + std::to_string(list.size()) + " messages instead of one");
      return std::nullopt;
    }
    const Element message = *list.begin();
    std::string_view role;
    if (message["role"].get(role) != simdjson::SUCCESS || role != "assistant") {
      complain("the message of " + name + " is not of the assistant");
      return std::nullopt;
    }
    ChatFacts facts;
    check_chat(context_, std::nullopt, *output, ChatUse::kInput, facts);
    keep(facts);
    return message;
  }

  void keep(const ChatFacts& facts) {
    for (const MessageText& text : facts.texts) {
      texts_.push_back(text.text);
    }
  }

  const RecordContext& context_;
  std::vector<std::string_view>& texts_;
};

}  // namespace

void check_preference(const RecordContext& context, object record, std::vector<std::string_view>& texts) {
  PreferenceRecord(context, texts).check(record);
}

}  // namespace luthier::data::check
