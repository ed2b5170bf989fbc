#include "pipelines/text/chat/spans.h"

#include <algorithm>
#include <optional>

#include "pipelines/text/jinja/unicode.h"

namespace luthier::text {
namespace {

std::size_t common_prefix(std::string_view left, std::string_view right) {
  const auto [at, other] = std::mismatch(left.begin(), left.end(), right.begin(), right.end());
  (void)other;
  return static_cast<std::size_t>(at - left.begin());
}

std::size_t common_suffix(std::string_view left, std::string_view right) {
  const auto [at, other] = std::mismatch(left.rbegin(), left.rend(), right.rbegin(), right.rend());
  (void)other;
  return static_cast<std::size_t>(at - left.rbegin());
}

// A character of private use that the conversation does not hold, so that nothing else looks like it.
std::string unused_character(const std::string& text) {
  for (const char* character :
       {"\xee\xa0\x81", "\xee\xa2\xb7", "\xef\xa3\xbe", "\xf3\xb0\x80\x87", "\xf4\x80\x80\x99"}) {
    if (text.find(character) == std::string::npos) {
      return character;
    }
  }
  return "\xf4\x8f\xbf\xbd";
}

ChatJson first_messages(const ChatJson& messages, std::size_t count) {
  ChatJson first = ChatJson::array();
  first.insert(first.end(), messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(count));
  return first;
}

// `message` with other words: content, thoughts and arguments of calls. Names of functions stay, for templates write
// them behind answers too.
ChatJson variant_of(const ChatJson& message, const std::string& words) {
  ChatJson variant = message;
  for (const char* member : {"content", "reasoning_content", "reasoning", "thinking"}) {
    const auto found = variant.find(member);
    if (found == variant.end()) {
      continue;
    }
    if (found->is_string()) {
      *found = words;
    } else if (found->is_array()) {
      for (ChatJson& part : *found) {
        if (part.is_object() && part.contains("text")) {
          part["text"] = words;
        }
      }
    }
  }
  const auto calls = variant.find("tool_calls");
  if (calls != variant.end() && calls->is_array()) {
    for (ChatJson& call : *calls) {
      ChatJson* function = call.is_object() && call.contains("function") ? &call["function"] : &call;
      if (function->is_object() && function->contains("arguments")) {
        ChatJson& arguments = (*function)["arguments"];
        arguments = arguments.is_string() ? ChatJson(words) : ChatJson{{words, words}};
      }
    }
  }
  return variant;
}

class TurnFinder {
 public:
  TurnFinder(const RenderMessages& render, const ChatMessages& chat, const std::string& text, bool prompted,
             const std::string& ending)
      : render_(render),
        chat_(chat),
        text_(text),
        words_(unused_character(text + chat.messages.dump(-1, ' ', false, ChatJson::error_handler_t::replace))),
        prompted_(prompted),
        ending_(ending) {}

  Result<TurnSpans> run() {
    for (std::size_t i = 0; i < chat_.messages.size(); ++i) {
      if (chat_.messages[i].at("role") != "assistant") {
        continue;
      }
      const auto span = find(i);
      if (!chat_.trained[i]) {
        behind_ = span ? span->end : behind_;
        continue;
      }
      if (!span) {
        found_.notes.push_back("messages[" + std::to_string(i) + "] is not trained: the template leaves it out");
        continue;
      }
      if (span->begin < behind_ || span->end < span->begin || span->end > text_.size()) {
        return Error{ErrorCode::kInvalidArgument, "messages[" + std::to_string(i) +
                                                      "]: the template does not say which part of its text this turn "
                                                      "is; put {% generation %} around it in the template"};
      }
      found_.trained.push_back(*span);
      behind_ = span->end;
    }
    return std::move(found_);
  }

 private:
  // Where the words of a turn lie.
  struct Region {
    std::size_t begin = 0;
    std::size_t end = 0;
  };

  std::optional<std::string> rendered(const ChatJson& messages, bool prompt) const {
    auto text = render_(messages, prompt);
    return text ? std::optional(std::move(*text)) : std::nullopt;
  }

  // The beginning of a conversation with and without the turn, as the template writes it by itself.
  struct Beginning {
    ChatJson messages;                 // with the turn
    std::optional<std::string> given;  // before the turn, with the generation prompt
    std::optional<std::string> plain;  // the same without it
    std::optional<std::string> written;
  };

  // Without what stands only at a conversation's end.
  std::optional<std::string> rendered_open(const ChatJson& messages) const {
    auto text = rendered(messages, false);
    if (text && text->ends_with(ending_)) {
      text->resize(text->size() - ending_.size());
    }
    return text;
  }

  std::optional<TurnSpan> find(std::size_t index) const {
    const ChatJson before = first_messages(chat_.messages, index);
    Beginning beginning{first_messages(chat_.messages, index + 1), rendered(before, true), std::nullopt, std::nullopt};
    beginning.written = rendered_open(beginning.messages);
    const auto& [messages, given, plain, written] = beginning;
    const bool begins = given && text_.starts_with(*given);
    if (begins && written && text_.starts_with(*written) && written->size() >= given->size() &&
        changes(index, *written, given->size(), messages)) {
      return TurnSpan{given->size(), std::max(given->size(), jinja::strip(*written, jinja::Side::kRight).size())};
    }
    const auto region = region_of(index, chat_.messages, text_);
    if (!region) {
      return std::nullopt;
    }
    beginning.plain = rendered_open(before);
    const auto alone = written ? region_of(index, messages, *written) : std::nullopt;
    return TurnSpan{begins ? std::min(given->size(), region->begin) : begin_of(beginning, alone, *region),
                    end_of(beginning, alone, *region)};
  }

  // Whether the turn is in the text at all. Its words are, nearly always; what is written without them may be there
  // too.
  bool changes(std::size_t index, const std::string& written, std::size_t from, const ChatJson& with) const {
    const ChatJson content = chat_.messages[index].value("content", ChatJson());
    const std::string_view words =
        content.is_string() ? jinja::strip(content.get_ref<const std::string&>()) : std::string_view();
    if (!words.empty() && written.find(words, from) != std::string::npos) {
      return true;
    }
    return region_of(index, with, written).has_value();
  }

  // What differs between `text`, which `messages` give, and the text of other words at `index`.
  std::optional<Region> region_of(std::size_t index, const ChatJson& messages, const std::string& text) const {
    ChatJson varied = messages;
    varied[index] = variant_of(messages[index], words_);
    const auto other = &text == &text_ ? rendered(varied, prompted_) : rendered_open(varied);
    if (!other || *other == text) {
      return std::nullopt;
    }
    const std::size_t begin = common_prefix(text, *other);
    const std::size_t suffix = std::min(common_suffix(text, *other), std::min(text.size(), other->size()) - begin);
    return Region{begin, text.size() - suffix};
  }

  // Before what the template writes between its prompt and the words (`alone`: where they lie when the turn is the last
  // one); or behind the prompt, where that stands before the words; else the words' own beginning.
  std::size_t begin_of(const Beginning& beginning, const std::optional<Region>& alone, const Region& region) const {
    const auto& [messages, given, plain, written] = beginning;
    if (alone && given && written->starts_with(*given) && alone->begin >= given->size()) {
      const std::string_view opening = std::string_view(*written).substr(given->size(), alone->begin - given->size());
      if (region.begin >= behind_ + opening.size() &&
          text_.compare(region.begin - opening.size(), opening.size(), opening) == 0) {
        return region.begin - opening.size();
      }
    }
    if (!given || !plain || !given->starts_with(*plain)) {
      return region.begin;
    }
    // A prompt may open what the text of a finished turn does not have ("<think>"), so it also counts without its last
    // markers.
    for (std::string_view prompt = std::string_view(*given).substr(plain->size()); !prompt.empty();) {
      const std::size_t at =
          region.begin < prompt.size() ? std::string::npos : text_.rfind(prompt, region.begin - prompt.size());
      if (at != std::string::npos && at >= behind_) {
        return at + prompt.size();
      }
      prompt = without_last_marker(prompt);
    }
    return region.begin;
  }

  // Behind the marker that ends the turn: what the template writes behind the words when the turn is the last one.
  std::size_t end_of(const Beginning& beginning, const std::optional<Region>& alone, const Region& region) const {
    if (!alone) {
      return region.end;
    }
    std::string_view tail = std::string_view(*beginning.written).substr(alone->end);
    while (!tail.empty() && text_.compare(region.end, tail.size(), tail) != 0) {
      tail = without_last_marker(tail);
    }
    return region.end + jinja::strip(tail, jinja::Side::kRight).size();
  }

  const RenderMessages& render_;
  const ChatMessages& chat_;
  const std::string& text_;
  const std::string words_;
  const bool prompted_;
  const std::string& ending_;
  std::size_t behind_ = 0;  // the turns found so far
  TurnSpans found_;
};

}  // namespace

std::string_view without_last_marker(std::string_view text) {
  const std::size_t marker = text.find_last_of("<[");
  return text.substr(0, marker == std::string::npos ? 0 : marker);
}

Result<TurnSpans> find_turns(const RenderMessages& render, const ChatMessages& chat, const std::string& text,
                             bool prompted, const std::string& ending) {
  return TurnFinder(render, chat, text, prompted, ending).run();
}

}  // namespace luthier::text
