#include "pipelines/data/check/codes.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace luthier::data::check {
namespace {

constexpr Severity kError = Severity::kError;
constexpr Severity kWarning = Severity::kWarning;
constexpr Severity kAdvice = Severity::kAdvice;

constexpr std::array kCodes{
    // Of the file and its text.
    Code{"not_utf8", kError, "records that are not UTF-8", "Save the file as UTF-8, or convert it with iconv."},
    Code{"not_json_lines", kWarning, "files named .jsonl that hold JSON of another form", "Write one record a line."},
    Code{"json_trailing_comma", kError, "records with a comma too many",
         "Remove the comma before the closing bracket, or behind the record."},
    Code{"json_unescaped_quote", kError, "records with a quote inside a text",
         "Write \\\" for it; better, write the file with a JSON library."},
    Code{"json_single_quotes", kError, "records in single quotes",
         "Write the file with json.dumps, not with print or str."},
    Code{"json_typographic_quotes", kError, "records in typographic quotes",
         "Replace the quotes that a word processor made by plain ones."},
    Code{"json_python_value", kError, "records with None, True, False, NaN and the like",
         "Write null, true, false: json.dumps does."},
    Code{"json_unfinished", kError, "records that end in the middle",
         "Write each record whole on one line; look whether the file was cut."},
    Code{"json_over_lines", kError, "records over several lines", "Write each record on one line: jq -c . FILE."},
    Code{"json_control_character", kError, "records with a raw tab or control character in a text",
         "Write \\t, \\n or \\u00XX for it."},
    Code{"json_escape", kError, "records with an escape that JSON does not know", "Write \\\\ for a backslash."},
    Code{"json_surrogate", kError, "records with half a character",
         "Cut texts between characters, not between 16-bit units."},
    Code{"json_comment", kError, "records with a comment", "Remove it: JSON has none."},
    Code{"json_missing_comma", kError, "records without a comma between values", "Put it in."},
    Code{"json_extra", kError, "lines with more than one record", "Write each record on a line of its own."},
    Code{"json_unexpected", kError, "places where a bracket or comma does not belong", "Remove it."},
    Code{"json_depth", kError, "records nested too deeply", "Write large structures as text."},
    Code{"json_invalid", kError, "records that are not JSON", "See each place."},
    Code{"header", kWarning, "faults of the header", "The first line must name the columns, each once."},
    Code{"row_fields", kError, "rows with more or fewer fields than the header",
         "Put fields that hold the separator in quotes."},
    Code{"open_quote", kError, "quotes that never close", "Close the quote, or double it if it is part of the text."},
    Code{"after_quote", kError, "texts behind a closing quote", "Double each quote that is part of the text."},
    Code{"other_sheets", kWarning, "sheets that were not read",
         "Move what you need to the first sheet, or save each as a file."},
    Code{"no_examples", kError, "files without a single example", "Look whether it is the right file."},
    // Of the kinds.
    Code{"data_type", kError, "records that are no objects", "Each record must be an object like {\"messages\": […]}."},
    Code{"unknown_kind", kError, "records that are no examples",
         "An example has messages, or prompt and completion, or input with preferred_output and non_preferred_output. "
         "Of tables "
         "whose columns have other names, luthier data prepare FILE makes examples (--prompt-column, "
         "--completion-column)."},
    Code{"mixed_kinds", kError, "records of another kind than most", "Keep one kind of record in a file."},
    Code{"example_unrecognized_key", kWarning, "examples with members that training does not read",
         "Remove them, or keep them knowing that they are ignored."},
    Code{"member_names", kAdvice, "examples whose prompt and completion have other names",
         "They were checked under those names; luthier data prepare writes them as prompt and completion."},
    // Chat.
    Code{"missing_messages_list", kError, "examples without messages",
         "`messages` must be a list of at least one message."},
    Code{"message_missing_key", kError, "messages without role or content",
         "Each message needs role and content; content may be missing beside tool_calls."},
    Code{"message_unrecognized_key", kError, "messages with unknown members",
         "Known: role, content, name, weight, tool_calls, tool_call_id, function_call, refusal."},
    Code{"unrecognized_role", kError, "messages with an unknown role",
         "Known: system, developer, user, assistant, tool, function."},
    Code{"missing_content", kError, "messages without usable content",
         "content must be a text that is not empty, or a list of parts."},
    Code{"example_missing_assistant_message", kError, "examples without an assistant message",
         "There is nothing to learn from them: add the answer."},
    Code{"content_part", kError, "content parts of a wrong form",
         "A part is {\"type\": \"text\", \"text\": …} or {\"type\": \"image_url\", \"image_url\": {\"url\": …}}."},
    Code{"message_name", kError, "messages whose name is no text", "`name` must be a text."},
    Code{"weight_value", kError, "weights other than 0 and 1",
         "`weight` of an assistant message is the number 0 (do not train) or 1."},
    Code{"weight_role", kWarning, "weights of messages that are never trained",
         "Only assistant messages take `weight`."},
    Code{"nothing_to_train", kError, "examples in which nothing is trained",
         "Every assistant message has weight 0: remove the example or a weight."},
    Code{"last_message_not_assistant", kWarning, "examples that do not end with the assistant",
         "What follows the last assistant message is not trained; remove it or add the answer."},
    Code{"system_not_first", kWarning, "system messages that are not first",
         "Many chat templates take a system message only at the start."},
    Code{"same_role_twice", kAdvice, "turns of one role in a row",
         "Some chat templates refuse them; join the two, or let Luthier fold them."},
    Code{"tools_form", kError, "tools of a wrong form",
         "A tool is {\"type\": \"function\", \"function\": {\"name\": …, \"parameters\": {…}}}."},
    Code{"tool_calls_form", kError, "tool calls of a wrong form",
         "A call is {\"id\": …, \"type\": \"function\", \"function\": {\"name\": …, \"arguments\": \"{…}\"}}."},
    Code{"tool_call_arguments", kError, "tool calls whose arguments are not JSON in a text",
         "`arguments` is a JSON object written as a text: json.dumps it."},
    Code{"tool_call_unanswered", kError, "tool calls without an answer",
         "A tool message with its tool_call_id must follow before anything else."},
    Code{"tool_answer_without_call", kError, "tool messages that answer no call",
         "tool_call_id must be the id of a call of the assistant message before."},
    Code{"parallel_tool_calls", kWarning, "several calls where parallel_tool_calls is false",
         "Remove the member, or write one call a message."},
    // Images.
    Code{"image_role", kError, "images outside user messages", "Only user messages may have images."},
    Code{"image_detail", kError, "image details other than low, high and auto",
         "Write one of them, or leave detail out."},
    Code{"image_count", kError, "examples with more than 10 images", "Leave some out, or split the example."},
    Code{"image_examples", kError, "more than 50,000 examples with images", "Leave some out."},
    Code{"image_format", kWarning, "images skipped: not JPEG, PNG or WEBP, or damaged", "Convert them."},
    Code{"image_mode", kWarning, "images skipped: neither RGB nor RGBA", "Convert them to RGB."},
    Code{"image_size", kWarning, "images skipped: larger than 10 MB", "Make them smaller."},
    Code{"image_url", kWarning, "images skipped: the URL is no data: URL of an image and no http(s) URL",
         "Write data:image/png;base64,… or an https URL."},
    Code{"image_unreachable", kWarning, "images skipped: they could not be fetched",
         "Look whether the URLs work without a login."},
    Code{"image_refused", kWarning, "images skipped: refused by the content scan", "See the scan's reasons."},
    Code{"image_not_fetched", kAdvice, "images by URL that were not looked at",
         "--fetch-images fetches and checks them."},
    Code{"example_without_images", kWarning, "examples dropped: a message has lost all its images",
         "Repair the images that were skipped."},
    // Preference.
    Code{"preference_form", kError, "preference examples of a wrong form",
         "input has messages; preferred_output and non_preferred_output each hold one assistant message."},
    Code{"preference_identical", kError, "preference examples whose two outputs are the same",
         "There is no preference in them: remove them."},
    // Prompt and completion.
    Code{"missing_prompt", kError, "examples without a prompt", "prompt must be a text; it may be empty."},
    Code{"missing_completion", kError, "examples without a completion", "completion must be a text."},
    Code{"empty_completion", kError, "examples with an empty completion",
         "There is nothing to learn from them: remove them."},
    Code{"completion_leading_whitespace", kWarning, "answers with whitespace before them",
         "Remove it; one space before a completion is right if all have it."},
    Code{"completion_trailing_whitespace", kWarning, "answers with whitespace behind them",
         "Remove it, or let all end in the same stop sequence."},
    Code{"completion_start_mixed", kWarning, "completions that begin unlike most",
         "Let all completions begin with one space, or none."},
    // Content.
    Code{"encoding_damage", kWarning, "texts damaged by a wrong encoding",
         "Ã© for é and the like, or U+FFFD: read the source in its real encoding."},
    Code{"secret", kWarning, "texts with what looks like a secret",
         "A model repeats what it learns: remove keys and revoke those that were shared."},
    Code{"email_address", kWarning, "texts with an e-mail address",
         "Personal data: replace it unless you may train on it."},
    // Of all examples together.
    Code{"too_few_examples", kError, "fewer than 10 examples",
         "At least 10 are needed; some hundreds are worth the training."},
    Code{"few_examples_of_class", kAdvice, "classes of fewer than 100 examples", "Aim for at least 100 a class."},
    Code{"few_examples", kAdvice, "fewer than 500 examples to learn writing from",
         "Aim for at least 500; quality rises with each doubling."},
    Code{"duplicate_examples", kWarning, "examples that repeat an earlier one", "Keep one of each."},
    Code{"near_duplicate_examples", kWarning, "examples that nearly repeat an earlier one",
         "Keep one of each, unless the difference is what is to be learned."},
    Code{"validation_overlap", kWarning, "validation examples that are also in training",
         "Remove them from one of the two: what was trained on measures nothing."},
    Code{"label_imbalance", kWarning, "classes far rarer than the largest",
         "Add examples of the rare classes, or leave out some of the largest."},
    Code{"label_spelling", kWarning, "classes that differ in case, space or punctuation only",
         "Write each class in one way."},
    Code{"dominating_answer", kWarning, "answers that dominate",
         "The model will give this answer to everything: vary it or remove repeats."},
    Code{"dominating_refusals", kWarning, "answers that refuse",
         "The model learns to refuse: remove those that should be answered."},
    // Of tokens.
    Code{"template_refused", kError, "examples that the model's chat template refuses",
         "Change the conversations as each place says, or name another template with --template."},
    Code{"over_long", kWarning, "examples longer than the context",
         "They are cut as each place says: shorten or split them."},
    Code{"label_tokens", kAdvice, "classes of several tokens",
         "Choose classes of one token each, so that one token decides and its probability can be read."},
    Code{"label_first_token", kWarning, "classes that begin with the same token",
         "The first token must tell classes apart."},
};

}  // namespace

std::span<const Code> all_codes() { return kCodes; }

const Code& code_named(std::string_view name) {
  const auto* found = std::find_if(kCodes.begin(), kCodes.end(), [&](const Code& code) { return code.name == name; });
  LUTHIER_CHECK(found != kCodes.end());
  return *found;
}

}  // namespace luthier::data::check
