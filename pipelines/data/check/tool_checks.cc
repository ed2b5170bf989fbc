#include "pipelines/data/check/tool_checks.h"

#include <algorithm>

#include "pipelines/data/read/broken_json.h"

namespace luthier::data::check {
namespace {

using simdjson::dom::array;
using simdjson::dom::object;

std::optional<std::string_view> text_member(object fields, std::string_view name) {
  const auto value = member(fields, name);
  return value ? text_of(*value) : std::nullopt;
}

}  // namespace

void ToolChecks::complain(std::string_view code, std::size_t index, const std::string& problem) const {
  context_.complain(code, [&] { return "message " + std::to_string(index + 1) + " " + problem; });
}

void ToolChecks::begin(object record) {
  for (const auto& [key, value] : record) {
    if (value.is_null()) {
      continue;
    }
    if (key == "tools" || key == "functions") {
      declare(value, key == "tools");
    } else if (key == "parallel_tool_calls") {
      bool parallel = true;
      if (value.get(parallel) != simdjson::SUCCESS) {
        context_.complain("tools_form", [] { return std::string("parallel_tool_calls is neither true nor false"); });
      }
      parallel_ = parallel;
    }
  }
}

void ToolChecks::declare(Element tools, bool wrapped) {
  array list;
  if (tools.get(list) != simdjson::SUCCESS) {
    context_.complain("tools_form", [&] { return std::string(wrapped ? "tools" : "functions") + " is no list"; });
    return;
  }
  std::size_t number = 0;
  for (const Element tool : list) {
    ++number;
    const std::string which = (wrapped ? "tool " : "function ") + std::to_string(number);
    object fields;
    if (tool.get(fields) != simdjson::SUCCESS) {
      context_.complain("tools_form", [&] { return which + " is no object"; });
      continue;
    }
    object function = fields;
    if (wrapped) {
      const auto inner = member(fields, "function");
      if (text_member(fields, "type") != "function" || !inner || inner->get(function) != simdjson::SUCCESS) {
        context_.complain("tools_form", [&] { return which + R"( is not {"type": "function", "function": {…}})"; });
        continue;
      }
    }
    const auto parameters = member(function, "parameters");
    if (!text_member(function, "name")) {
      context_.complain("tools_form", [&] { return which + " has no name"; });
    } else if (parameters && !parameters->is_object() && !parameters->is_null()) {
      context_.complain("tools_form", [&] { return "the parameters of " + which + " are no JSON Schema (an object)"; });
    }
  }
}

void ToolChecks::message(std::size_t index, std::string_view role, std::optional<Element> tool_calls,
                         std::optional<Element> function_call, std::optional<Element> tool_call_id) {
  last_message_ = index;
  if (role == "tool" || role == "function") {
    answer(index, role, tool_call_id);
    return;
  }
  leave_unanswered();
  if (tool_calls && !tool_calls->is_null()) {
    if (role != "assistant") {
      complain("tool_calls_form", index, "has tool_calls, but only the assistant calls tools");
    }
    calls(index, *tool_calls);
  }
  if (function_call && !function_call->is_null()) {
    check_function(index, function_call);
    open_.push_back({{}, index});
  }
}

void ToolChecks::calls(std::size_t index, Element list) {
  array elements;
  if (list.get(elements) != simdjson::SUCCESS) {
    complain("tool_calls_form", index, "has tool_calls that are no list");
    return;
  }
  std::size_t count = 0;
  for (const Element element : elements) {
    ++count;
    object call;
    if (element.get(call) != simdjson::SUCCESS) {
      complain("tool_calls_form", index, "has a call that is no object");
      continue;
    }
    const auto id = text_member(call, "id");
    if (!id || id->empty()) {
      complain("tool_calls_form", index, "has a call without id");
    } else if (std::any_of(open_.begin(), open_.end(), [&](const Call& other) { return other.id == *id; })) {
      complain("tool_calls_form", index, "has two calls of one id " + quote(*id));
    } else {
      open_.push_back({*id, index});
    }
    if (text_member(call, "type") != "function") {
      complain("tool_calls_form", index, R"(has a call without "type": "function")");
    }
    check_function(index, member(call, "function"));
  }
  if (count > 1 && !parallel_) {
    complain("parallel_tool_calls", index, "has " + std::to_string(count) + " calls");
  }
}

void ToolChecks::check_function(std::size_t index, std::optional<Element> function) {
  object fields;
  if (!function || function->get(fields) != simdjson::SUCCESS || !text_member(fields, "name")) {
    complain("tool_calls_form", index, "has a call without a function's name");
    return;
  }
  const auto arguments = text_member(fields, "arguments");
  if (!arguments) {
    complain("tool_call_arguments", index, "has a call whose arguments are no text: write the JSON as a text");
    return;
  }
  facts_.texts.push_back({index, "assistant", *text_member(fields, "name")});
  facts_.texts.push_back({index, "assistant", *arguments});
  simdjson::dom::parser parser;
  Element value;
  if (parser.parse(arguments->data(), arguments->size()).get(value) == simdjson::SUCCESS && value.is_object()) {
    return;
  }
  const read::BrokenJson broken = read::diagnose(*arguments, {context_.file, 1, 1});
  if (broken.problem) {
    complain("tool_call_arguments", index,
             "has a call whose arguments break at byte " + std::to_string(broken.problem->column) + ": " +
                 broken.problem->message);
  }
}

void ToolChecks::answer(std::size_t index, std::string_view role, std::optional<Element> tool_call_id) {
  const auto id = role == "tool" && tool_call_id ? text_of(*tool_call_id) : std::nullopt;
  const std::string_view wanted = role == "tool" ? id.value_or("\xff") : std::string_view();
  const auto call = std::find_if(open_.begin(), open_.end(), [&](const Call& open) { return open.id == wanted; });
  if (call != open_.end()) {
    open_.erase(call);
  } else if (role == "tool") {
    complain("tool_answer_without_call", index,
             id ? "answers the call " + quote(*id) + ", which was not made before it" : "has no tool_call_id");
  } else {
    complain("tool_answer_without_call", index, "answers a function that was not called before it");
  }
}

void ToolChecks::leave_unanswered() {
  for (const Call& call : open_) {
    complain("tool_call_unanswered", call.message,
             call.id.empty() ? "calls a function without an answer" : "calls " + quote(call.id) + " without an answer");
  }
  open_.clear();
}

void ToolChecks::end() {
  if (!open_.empty() && open_.front().message == last_message_) {
    return;
  }
  leave_unanswered();
}

}  // namespace luthier::data::check
