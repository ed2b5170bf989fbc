#include "pipelines/text/chat/chat_template.h"

#include <algorithm>
#include <array>

#include "pipelines/text/chat/messages.h"
#include "pipelines/text/chat/spans.h"

namespace luthier::text {
namespace {

constexpr const char* kProbe = "\xee\xa0\x80probe";  // words that no template writes by itself

ChatJson message(const char* role, const ChatJson& content) { return {{"role", role}, {"content", content}}; }

// One template with what it can do, found by trying.
struct Variant {
  jinja::Template source;
  bool knows_system = false;
  bool knows_developer = false;
  bool knows_parts = false;
  bool knows_tools = false;
  bool knows_absent = false;  // content that is null
  bool drops_calls = false;
  std::string ending;
};

ChatJson variables_of(const ChatJson& messages, const ChatJson& tools, bool prompt, const ChatJson& special_tokens,
                      const ChatJson& further) {
  ChatJson variables = special_tokens;
  variables["messages"] = messages;
  variables["tools"] = tools;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = prompt;
  for (const auto& [name, value] : further.items()) {
    variables[name] = value;
  }
  return variables;
}

// The text of a small conversation; empty when the template refuses it.
std::string probe(const jinja::Template& source, const ChatJson& special_tokens, const ChatJson& messages,
                  const ChatJson& tools = nullptr, bool prompt = false) {
  const std::tm date{.tm_mday = 1, .tm_year = 100};
  // Room for any template that means well: the conversation has three messages of one word.
  const jinja::Limits limits{
      .steps_max = 200'000, .memory_bytes_max = std::size_t{32} << 20U, .output_bytes_max = std::size_t{4} << 20U};
  const auto rendered =
      source.render(variables_of(messages, tools, prompt, special_tokens, ChatJson::object()), date, limits);
  return rendered ? rendered->text : std::string();
}

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

// What stands behind the last turn of a conversation only: behind an answer that the user does not answer again.
std::string find_ending(const jinja::Template& source, const ChatJson& tokens) {
  const ChatJson user = message("user", "u");
  const ChatJson assistant = message("assistant", kProbe);
  const auto behind_words = [&](const ChatJson& messages) {
    const std::string text = probe(source, tokens, messages);
    const std::size_t words = text.rfind(kProbe);
    return words == std::string::npos ? std::string() : text.substr(words + std::string(kProbe).size());
  };
  const std::string last = behind_words(ChatJson::array({user, assistant}));
  const std::string answered = behind_words(ChatJson::array({user, assistant, user}));
  std::string_view common = last;
  while (!common.empty() && !answered.starts_with(common)) {
    common = without_last_marker(common);
  }
  return answered.empty() ? std::string() : last.substr(common.size());
}

Variant examine(jinja::Template source, const ChatJson& tokens) {
  const ChatJson user = message("user", "u");
  const ChatJson parts = ChatJson::array({{{"type", "text"}, {"text", kProbe}}});
  const ChatJson tool = {{"type", "function"},
                         {"function",
                          {{"name", kProbe},
                           {"description", "d"},
                           {"parameters", {{"type", "object"}, {"properties", ChatJson::object()}}}}}};
  const std::string in_parts = probe(source, tokens, ChatJson::array({message("user", parts)}));
  Variant variant{source};
  variant.knows_system = has(probe(source, tokens, ChatJson::array({message("system", kProbe), user})), kProbe);
  variant.knows_developer = has(source.source(), "developer");
  variant.knows_parts = has(in_parts, kProbe) && !has(in_parts, "'text'") && !has(in_parts, "\"text\"");
  variant.knows_tools = has(probe(source, tokens, ChatJson::array({user}), ChatJson::array({tool})), kProbe);
  ChatJson caller = message("assistant", nullptr);
  const std::string absent = probe(source, tokens, ChatJson::array({user, caller}));
  variant.knows_absent = !absent.empty() && !has(absent, "None");
  caller["content"] = "";
  caller["tool_calls"] = ChatJson::array(
      {{{"id", "call00001"}, {"type", "function"}, {"function", {{"name", kProbe}, {"arguments", {{"a", 1}}}}}}});
  const std::string called = probe(source, tokens, ChatJson::array({user, caller}));
  variant.drops_calls = !called.empty() && !has(called, kProbe);
  variant.ending = find_ending(source, tokens);
  return variant;
}

// Ways to make a template take a conversation, tried one after the other, each on top of those before.
using Remedy = std::optional<std::string> (*)(ChatMessages& chat);
constexpr std::array<Remedy, 3> kRemedies = {fill_content, fold_system, merge_turns};

std::vector<ChatSpan> covering(std::vector<TurnSpan> trained, std::size_t size) {
  std::sort(trained.begin(), trained.end(),
            [](const auto& left, const auto& right) { return left.begin < right.begin; });
  std::vector<ChatSpan> spans;
  std::size_t at = 0;
  const auto add = [&](std::size_t end, bool is_trained) {
    if (end <= at) {
      return;
    }
    if (!spans.empty() && spans.back().trained == is_trained) {
      spans.back().end = end;
    } else {
      spans.push_back({at, end, is_trained});
    }
    at = end;
  };
  for (const TurnSpan& span : trained) {
    add(span.begin, false);
    add(span.end, true);
  }
  add(size, false);
  return spans;
}

}  // namespace

struct ChatTemplate::Parts {
  ChatJson special_tokens;
  std::vector<std::pair<std::string, Variant>> variants;

  [[nodiscard]] const Variant& variant_for(const ChatMessages& chat) const {
    const char* wanted = chat.tools.is_null() ? "default" : "tool_use";
    for (const char* name : {wanted, "default"}) {
      for (const auto& [known, variant] : variants) {
        if (known == name) {
          return variant;
        }
      }
    }
    return variants.front().second;
  }
};

namespace {

// One conversation on its way through one template.
class ChatRendering {
 public:
  ChatRendering(const Variant& variant, const ChatJson& special_tokens, const ChatOptions& options)
      : variant_(variant),
        special_tokens_(special_tokens),
        options_(options),
        steps_left_(10 * options.limits.steps_max) {}

  Result<RenderedChat> run(ChatMessages chat) {
    const auto call = variant_.drops_calls ? first_call(chat) : std::nullopt;
    if (call) {
      return Error{ErrorCode::kFailedPrecondition, "messages[" + std::to_string(*call) +
                                                       "]: the template does not write calls of tools, so this turn "
                                                       "would be an empty answer"};
    }
    adapt(chat);
    if (!variant_.knows_parts) {
      LUTHIER_TRY_VOID(expect_texts(chat));
    }
    auto rendered = render_mended(chat);
    if (!rendered) {
      return std::move(rendered).error();
    }
    result_.text = std::move(rendered->text);
    if (options_.find_spans) {
      LUTHIER_TRY(std::vector<TurnSpan> trained, trained_turns(chat, *rendered));
      result_.spans = covering(std::move(trained), result_.text.size());
    }
    return std::move(result_);
  }

 private:
  void note(const std::optional<std::string>& done) {
    if (done) {
      result_.notes.push_back(*done);
    }
  }

  // Content that is still a list has other parts than text.
  static Result<void> expect_texts(const ChatMessages& chat) {
    for (std::size_t i = 0; i < chat.messages.size(); ++i) {
      if (chat.messages[i].value("content", ChatJson()).is_array()) {
        return Error{ErrorCode::kFailedPrecondition,
                     "messages[" + std::to_string(i) + "]: the template knows no images and other parts of content"};
      }
    }
    return {};
  }

  // What templates would silently leave out or write as Python prints a list.
  void adapt(ChatMessages& chat) {
    if (!variant_.knows_developer) {
      note(rename_developer(chat));
    }
    if (!variant_.knows_absent) {
      note(fill_content(chat));
    }
    if (!variant_.knows_parts) {
      (void)flatten_parts(chat);
    }
    if (!variant_.knows_system && options_.mend) {
      note(fold_system(chat));
    }
    if (!chat.tools.is_null() && !variant_.knows_tools) {
      result_.notes.emplace_back("the template does not write tools: the model will not see their declarations");
    }
  }

  Result<jinja::Rendered> render(const ChatJson& messages, const ChatJson& tools, bool prompt) {
    jinja::Limits limits = options_.limits;
    limits.steps_shared = &steps_left_;
    return variant_.source.render(variables_of(messages, tools, prompt, special_tokens_, options_.variables),
                                  options_.date, limits);
  }

  Result<jinja::Rendered> render_mended(ChatMessages& chat) {
    auto first = render(chat.messages, chat.tools, options_.add_generation_prompt);
    if (first || !options_.mend || first.error().code == ErrorCode::kResourceExhausted) {
      return first;
    }
    ChatMessages mended = chat;
    std::vector<std::string> done;
    for (const Remedy remedy : kRemedies) {
      const auto changed = remedy(mended);
      if (!changed) {
        continue;
      }
      done.push_back(*changed);
      auto rendered = render(mended.messages, mended.tools, options_.add_generation_prompt);
      if (rendered) {
        chat = std::move(mended);
        result_.notes.insert(result_.notes.end(), done.begin(), done.end());
        return rendered;
      }
    }
    return first;
  }

  Result<std::vector<TurnSpan>> trained_turns(const ChatMessages& chat, const jinja::Rendered& rendered) {
    bool all_trained = true;
    for (std::size_t i = 0; i < chat.messages.size(); ++i) {
      all_trained = all_trained && (chat.messages[i].at("role") != "assistant" || chat.trained[i]);
    }
    const bool all_placed = std::all_of(rendered.generations.begin(), rendered.generations.end(),
                                        [](const jinja::Generation& block) { return block.message.has_value(); });
    if (!rendered.generations.empty() && !rendered.generation_captured && (all_trained || all_placed)) {
      result_.source = SpanSource::kGeneration;
      std::vector<TurnSpan> turns;
      for (const jinja::Generation& block : rendered.generations) {
        if (!block.message || chat.trained[*block.message]) {
          turns.push_back({block.begin, block.end});
        }
      }
      return turns;
    }
    std::optional<Error> exhausted;
    const RenderMessages again = [&](const ChatJson& messages, bool prompt) -> Result<std::string> {
      auto text = render(messages, chat.tools, prompt);
      if (!text && text.error().code == ErrorCode::kResourceExhausted) {
        exhausted = text.error();
      }
      LUTHIER_TRY(jinja::Rendered whole, std::move(text));
      return std::move(whole.text);
    };
    LUTHIER_TRY(TurnSpans found,
                find_turns(again, chat, result_.text, options_.add_generation_prompt, variant_.ending));
    if (exhausted) {
      return *std::move(exhausted);  // a turn that could not be looked for is not one that the template leaves out
    }
    result_.notes.insert(result_.notes.end(), found.notes.begin(), found.notes.end());
    return std::move(found.trained);
  }

  const Variant& variant_;
  const ChatJson& special_tokens_;
  const ChatOptions& options_;
  std::size_t steps_left_;  // of all renderings
  RenderedChat result_;
};

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(const std::vector<Source>& sources, ChatJson special_tokens) {
  if (sources.empty()) {
    return Error{ErrorCode::kNotFound, "there is no chat template"};
  }
  const auto parts = std::make_shared<Parts>();
  parts->special_tokens = std::move(special_tokens);
  for (const Source& source : sources) {
    LUTHIER_TRY(jinja::Template parsed, jinja::Template::parse(source.text, source.file));
    parts->variants.emplace_back(source.name, examine(std::move(parsed), parts->special_tokens));
  }
  return ChatTemplate(parts);
}

Result<RenderedChat> ChatTemplate::render(const ChatJson& record, const ChatOptions& options) const {
  LUTHIER_TRY(ChatMessages chat, read_chat(record));
  const Variant& variant = parts_->variant_for(chat);
  return ChatRendering(variant, parts_->special_tokens, options).run(std::move(chat));
}

bool ChatTemplate::knows_system() const { return parts_->variants.front().second.knows_system; }
bool ChatTemplate::knows_tools() const {
  return std::any_of(parts_->variants.begin(), parts_->variants.end(),
                     [](const auto& entry) { return entry.second.knows_tools; });
}

}  // namespace luthier::text
