#include "cli/data_show.h"

#include <unistd.h>

#include <cstdio>

#include "cli/data_records.h"
#include "cli/format.h"
#include "cli/terminal.h"
#include "pipelines/data/tokens/record_tokens.h"
#include "pipelines/text/utf8.h"

namespace luthier::cli {
namespace {

using data::tokens::RecordTokens;
using text::ChatJson;

const char* source_of(const RecordTokens& shown) {
  if (shown.kind == data::read::RecordKind::kPromptCompletion || shown.kind == data::read::RecordKind::kText) {
    return "record";
  }
  return shown.chat.source == text::SpanSource::kGeneration ? "generation" : "differences";
}

ChatJson to_json(const RecordTokens& shown, const text::Tokenizer* tokenizer, const std::string& file,
                 std::int64_t line) {
  ChatJson spans = ChatJson::array();
  for (const text::ChatSpan& span : shown.chat.spans) {
    spans.push_back({{"begin", span.begin}, {"end", span.end}, {"trained", span.trained}});
  }
  ChatJson json = {{"file", file},
                   {"line", line},
                   {"kind", data::read::name_of(shown.kind)},
                   {"text", shown.chat.text},
                   {"spans", std::move(spans)},
                   {"mask", source_of(shown)},
                   {"notes", shown.chat.notes}};
  if (tokenizer != nullptr) {
    ChatJson tokens = ChatJson::array();
    for (std::size_t i = 0; i < shown.tokens.ids.size(); ++i) {
      const std::string bytes(tokenizer->token_bytes(shown.tokens.ids[i]));
      tokens.push_back({{"id", shown.tokens.ids[i]},
                        {"text", text::replace_invalid_utf8(bytes)},
                        {"begin", shown.tokens.ranges[i].begin},
                        {"end", shown.tokens.ranges[i].end},
                        {"trained", static_cast<bool>(shown.trained[i])}});
    }
    json["tokens"] = std::move(tokens);
    json["trained_tokens"] = shown.trained_count();
  }
  return json;
}

void print_heading(const RecordTokens& shown, bool has_tokens, const std::string& file, std::int64_t line) {
  std::printf("%s:%lld: %s", file.c_str(), static_cast<long long>(line),
              std::string(data::read::name_of(shown.kind)).c_str());
  if (has_tokens) {
    std::printf(", %s tokens, %s of them trained",
                format_count(static_cast<std::int64_t>(shown.tokens.ids.size())).c_str(),
                format_count(static_cast<std::int64_t>(shown.trained_count())).c_str());
  }
  std::printf("\n");
  for (const std::string& note : shown.chat.notes) {
    std::printf("note: %s\n", printable(note).c_str());
  }
}

std::string piece_of(const RecordTokens& shown, const text::ChatSpan& span) {
  return visible(std::string_view(shown.chat.text).substr(span.begin, span.end - span.begin));
}

// Trained green, all else dim. Colours end at line ends, so that a pager shows each line by itself.
void print_coloured(const RecordTokens& shown) {
  std::string out;
  for (const text::ChatSpan& span : shown.chat.spans) {
    const std::string colour = span.trained ? "\x1b[1;32m" : "\x1b[2m";
    out += colour;
    for (const char c : piece_of(shown, span)) {
      out += c == '\n' ? "\x1b[0m\n" + colour : std::string(1, c);
    }
    out += "\x1b[0m";
  }
  std::printf("%s\n", out.c_str());
}

// A "+" before each line that is trained; a line that is both is broken where that changes.
void print_plain(const RecordTokens& shown) {
  for (const text::ChatSpan& span : shown.chat.spans) {
    std::string piece = piece_of(shown, span);
    if (piece.starts_with('\n')) {  // ends a line that stands above already
      piece.erase(0, 1);
    }
    while (!piece.empty()) {
      const std::size_t end = std::min(piece.find('\n'), piece.size());
      std::printf("%c %s\n", span.trained ? '+' : ' ', piece.substr(0, end).c_str());
      piece.erase(0, end + 1);
    }
  }
}

}  // namespace

void add_data_show(CLI::App& data, GlobalOptions& global, DataShowOptions& options, std::function<int()>& chosen) {
  CLI::App* show =
      data.add_subcommand("show", "Show one example as a model is trained on it, and which part is trained");
  show->add_option("FILE", options.file, ".jsonl .json .csv .tsv .xlsx .txt, also with .gz or .zst")->required();
  show->add_option("--line", options.line, "where the example stands")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40))
      ->capture_default_str();
  show->add_option("--format", options.format, "of FILE, when its name does not say it")
      ->check(CLI::IsMember({"jsonl", "json", "csv", "tsv", "xlsx", "txt"}));
  add_model_text_options(*show, options.model);
  show->callback([&] { chosen = [&] { return data_show_command(global, options); }; });
}

int data_show_command(const GlobalOptions& global, const DataShowOptions& options) {
  const auto chat_options = chat_options_of(options.model);
  const auto model = chat_options ? load_model_text(global, options.model) : Result<ModelText>(chat_options.error());
  if (!model) {
    return report(model.error());
  }
  data::tokens::RecordTokenizer tokenizer(*model, *chat_options);
  const auto shown =
      for_each_record(options.file, options.format, options.line, [&](const data::read::ReadExample& record) {
        auto built = tokenizer.tokens_of(record.example.value);
        const std::int64_t line = record.example.line;
        if (!built) {
          return Result<void>(std::move(built).error().with(options.file + ":" + std::to_string(line)));
        }
        if (global.json) {
          const ChatJson json = to_json(*built, model->tokenizer ? &*model->tokenizer : nullptr, options.file, line);
          std::printf("%s\n", json.dump(2, ' ', false, ChatJson::error_handler_t::replace).c_str());
          return Result<void>();
        }
        print_heading(*built, model->tokenizer.has_value(), options.file, line);
        if (is_terminal(STDOUT_FILENO) && !environment("NO_COLOR")) {
          print_coloured(*built);
        } else {
          print_plain(*built);
        }
        return Result<void>();
      });
  if (!shown) {
    const int code = report(shown.error());
    return shown.error().code == ErrorCode::kNotFound ? kExitUsage : code;
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
