#include "cli/data_render.h"

#include <cstdio>

#include "cli/data_records.h"
#include "pipelines/data/tokens/record_tokens.h"

namespace luthier::cli {
namespace {

using data::tokens::RecordTokens;
using text::ChatJson;

void print_line(const ChatJson& json) {
  std::printf("%s\n", json.dump(-1, ' ', false, ChatJson::error_handler_t::replace).c_str());
}

void print_record(const RecordTokens& shown, std::int64_t line, bool alone, const GlobalOptions& global) {
  if (!global.json) {
    if (!alone) {
      std::printf("--- line %lld\n", static_cast<long long>(line));
    }
    std::fwrite(shown.chat.text.data(), 1, shown.chat.text.size(), stdout);
    if (!alone) {
      std::printf("\n");
    }
    return;
  }
  ChatJson spans = ChatJson::array();
  for (const text::ChatSpan& span : shown.chat.spans) {
    spans.push_back({{"begin", span.begin}, {"end", span.end}, {"trained", span.trained}});
  }
  ChatJson json = {{"line", line}, {"text", shown.chat.text}, {"spans", std::move(spans)}};
  if (!shown.chat.notes.empty()) {
    json["notes"] = shown.chat.notes;
  }
  print_line(json);
}

}  // namespace

void add_data_render(CLI::App& data, GlobalOptions& global, DataRenderOptions& options, std::function<int()>& chosen) {
  CLI::App* render = data.add_subcommand("render", "Print examples as the text that a model is trained on");
  render->add_option("FILE", options.file, ".jsonl .json .csv .tsv .xlsx .txt, also with .gz or .zst")->required();
  render->add_option("--line", options.line, "only the example that stands there")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 40));
  render->add_option("--format", options.format, "of FILE, when its name does not say it")
      ->check(CLI::IsMember({"jsonl", "json", "csv", "tsv", "xlsx", "txt"}));
  render->add_flag("--generation-prompt", options.generation_prompt, "end with the header of the answer to come");
  add_model_text_options(*render, options.model);
  render->callback([&] { chosen = [&] { return data_render_command(global, options); }; });
}

int data_render_command(const GlobalOptions& global, const DataRenderOptions& options) {
  auto chat_options = chat_options_of(options.model);
  auto model = chat_options ? load_model_text(global, options.model) : Result<ModelText>(chat_options.error());
  if (!model) {
    return report(model.error());
  }
  chat_options->add_generation_prompt = options.generation_prompt;
  model->tokenizer.reset();  // only the text is printed
  data::tokens::RecordTokenizer tokenizer(*model, *chat_options);
  std::int64_t refused = 0;
  const auto done =
      for_each_record(options.file, options.format, options.line, [&](const data::read::ReadExample& record) {
        const std::int64_t line = record.example.line;
        auto shown = record.problem ? Result<RecordTokens>(Error{ErrorCode::kInvalidArgument, record.problem->message})
                                    : tokenizer.tokens_of(record.example.value);
        if (shown) {
          print_record(*shown, line, options.line > 0, global);
          return Result<void>();
        }
        ++refused;
        if (global.json) {
          print_line({{"line", line}, {"error", shown.error().message}});
        } else {
          std::fprintf(stderr, "%s:%lld: %s\n", options.file.c_str(), static_cast<long long>(line),
                       shown.error().message.c_str());
        }
        return Result<void>();
      });
  if (!done) {
    const int code = report(done.error());
    return done.error().code == ErrorCode::kNotFound ? kExitUsage : code;
  }
  return refused == 0 ? kExitSuccess : kExitFailure;
}

}  // namespace luthier::cli
