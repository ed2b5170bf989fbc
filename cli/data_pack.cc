#include "cli/data_pack.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "pipelines/data/pack/pack_file.h"

namespace luthier::cli {
namespace {

using data::pack::PackReport;

std::string count_of(std::uint64_t count) { return format_count(static_cast<std::int64_t>(count)); }

nlohmann::ordered_json to_json(const PackReport& packed, std::uint32_t budget) {
  nlohmann::ordered_json dropped = nlohmann::ordered_json::object();
  for (const auto& [reason, records] : packed.dropped) {
    dropped[std::string(name_of(reason))] = {{"count", records.count}, {"first_line", records.first_line}};
  }
  return {{"samples", packed.samples},     {"tokens", packed.tokens}, {"trained_tokens", packed.trained_tokens},
          {"rows", packed.bins},           {"shards", packed.shards}, {"fill", packed.fill(budget)},
          {"truncated", packed.truncated}, {"cut", packed.cut},       {"mended", packed.mended},
          {"dropped", std::move(dropped)}};
}

void print(const PackReport& packed, const DataPackOptions& given) {
  std::printf("%s samples with %s tokens (%s to learn) in %s rows of %s: %.1f %% full, %s shard(s) in %s\n",
              count_of(packed.samples).c_str(), count_of(packed.tokens).c_str(),
              count_of(packed.trained_tokens).c_str(), count_of(packed.bins).c_str(), count_of(given.budget).c_str(),
              packed.fill(given.budget) * 100, count_of(packed.shards).c_str(), given.out.c_str());
  if (packed.truncated > 0) {
    std::printf("%s were longer than a row: chats and completions lost the end, prompts the beginning\n",
                count_of(packed.truncated).c_str());
  }
  if (packed.cut > 0) {
    std::printf("%s texts were longer than a row and were cut into several\n", count_of(packed.cut).c_str());
  }
  if (packed.mended > 0) {
    std::printf("%s chats were changed for the template; the first: %s\n", count_of(packed.mended).c_str(),
                printable(packed.first_mended).c_str());
  }
  for (const auto& [reason, records] : packed.dropped) {
    std::printf("%s records dropped: %s; the first at line %s\n", count_of(records.count).c_str(),
                std::string(meaning_of(reason)).c_str(), std::to_string(records.first_line).c_str());
  }
}

}  // namespace

void add_data_pack(CLI::App& data, GlobalOptions& global, DataPackOptions& options, std::function<int()>& chosen) {
  CLI::App* pack = data.add_subcommand("pack", "Turn a data file into shards of tokens, several samples a row");
  pack->add_option("FILE", options.file, "chats, prompt/completion or text records, in any format that check reads")
      ->required();
  add_model_text_options(*pack, options.model);
  pack->add_option("--tokenizer", options.tokenizer,
                   "instead of --model, for data without chats: tokenizer.json, its folder, or a .tiktoken file")
      ->type_name("PATH")
      ->excludes("--model");
  pack->add_option("--out", options.out, "folder for the shards; new or empty")->required();
  pack->add_option("--budget", options.budget, "tokens of a row")
      ->check(CLI::Range(2, 16'777'216))
      ->capture_default_str();
  pack->add_option("--window", options.window, "samples that are packed and shuffled together")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  pack->add_option("--seed", options.seed, "of the order of rows")->capture_default_str();
  pack->add_option("--end-token", options.end_token,
                   "written after each completion and text; the tokenizer's end of text unless given");
  pack->callback([&] { chosen = [&] { return data_pack_command(global, options); }; });
}

int data_pack_command(const GlobalOptions& global, const DataPackOptions& given) {
  data::pack::PackOptions options;
  options.file = given.file;
  options.end_token = given.end_token;
  options.out = given.out;
  options.budget = given.budget;
  options.window_samples = given.window;
  options.seed = given.seed;
  auto chat = chat_options_of(given.model);
  auto model = given.tokenizer.empty()
                   ? load_model_text(global, given.model)
                   : data::tokens::load_model_text(given.tokenizer, given.model.chat_template, given.tokenizer);
  if (!chat || !model) {
    return report(chat ? model.error() : chat.error());
  }
  options.chat = std::move(*chat);
  options.model = std::move(*model);
  const auto packed = data::pack::pack_file(options);
  if (!packed) {
    return report(packed.error());
  }
  if (global.json) {
    std::printf("%s\n", to_json(*packed, given.budget).dump(2).c_str());
  } else {
    print(*packed, given);
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
