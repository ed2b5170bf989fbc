#include "pipelines/text/chat/answer_frame.h"

#include "pipelines/text/jinja/unicode.h"

namespace luthier::text {

AnswerFrame answer_frame(const ChatTemplate& chat_template) {
  const std::string words = "\xee\xa0\x80words";  // that no template writes by itself
  const ChatJson user = {{"role", "user"}, {"content", "u"}};
  const ChatJson assistant = {{"role", "assistant"}, {"content", words}};
  const auto asked = chat_template.render({{"messages", ChatJson::array({user})}},
                                          {.add_generation_prompt = true, .find_spans = false});
  const auto told = chat_template.render({{"messages", ChatJson::array({user, assistant})}}, {.find_spans = false});
  AnswerFrame frame;
  if (!told) {
    return frame;
  }
  const std::size_t begin = told->text.find(words);
  if (begin == std::string::npos) {
    return frame;
  }
  if (asked && asked->text.size() <= begin && told->text.starts_with(asked->text)) {
    frame.opening = told->text.substr(asked->text.size(), begin - asked->text.size());
  }
  const std::string_view behind = jinja::strip(std::string_view(told->text).substr(begin + words.size()));
  frame.ending = behind.substr(0, behind.find('\n'));
  return frame;
}

}  // namespace luthier::text
