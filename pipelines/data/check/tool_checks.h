// ToolChecks: tools and functions, calls of them, and their answers, over the messages of one conversation.
//
// `functions`, `function_call` and messages of role `function` are the older form of `tools`, `tool_calls` and `tool`;
// they are valid. A call of a function that no tool declares is no error: services fill that in.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "pipelines/data/check/chat_checks.h"
#include "pipelines/data/check/record_context.h"

namespace luthier::data::check {

class ToolChecks {
 public:
  // Adds what calls say to the texts of `facts`.
  ToolChecks(const RecordContext& context, ChatFacts& facts) : context_(context), facts_(facts) {}

  // Looks at `tools`, `functions` and `parallel_tool_calls` of the record.
  void begin(simdjson::dom::object record);
  void message(std::size_t index, std::string_view role, std::optional<Element> tool_calls,
               std::optional<Element> function_call, std::optional<Element> tool_call_id);
  // Calls of the last message are what is learned, and need no answer.
  void end();

 private:
  struct Call {
    std::string_view id;  // empty: a function_call
    std::size_t message = 0;
  };

  void declare(Element tools, bool wrapped);
  void calls(std::size_t index, Element list);
  void check_function(std::size_t index, std::optional<Element> function);
  void answer(std::size_t index, std::string_view role, std::optional<Element> tool_call_id);
  void leave_unanswered();
  void complain(std::string_view code, std::size_t index, const std::string& problem) const;

  const RecordContext& context_;
  ChatFacts& facts_;
  bool parallel_ = true;
  std::vector<Call> open_;  // not answered yet
  std::size_t last_message_ = 0;
};

}  // namespace luthier::data::check
