#include "cli/data_pack.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/format.h"
#include "pipelines/data/pack/pack_file.h"

namespace luthier::cli {

void add_data_pack(CLI::App& data, GlobalOptions& global, DataPackOptions& options, std::function<int()>& chosen) {
  CLI::App* pack = data.add_subcommand("pack", "Turn a data file into shards of tokens, several samples a row");
  pack->add_option("FILE", options.file, "prompt/completion or text records, in any format that check reads")
      ->required();
  pack->add_option("--tokenizer", options.tokenizer, "folder with tokenizer.json, the file itself, or a .tiktoken file")
      ->required();
  pack->add_option("--out", options.out, "folder for the shards; new or empty")->required();
  pack->add_option("--budget", options.budget, "tokens of a row")
      ->check(CLI::Range(2, 16'777'216))
      ->capture_default_str();
  pack->add_option("--window", options.window, "samples that are packed and shuffled together")
      ->check(CLI::Range(1, 10'000'000))
      ->capture_default_str();
  pack->add_option("--seed", options.seed, "of the order of rows")->capture_default_str();
  pack->add_option("--end-token", options.end_token,
                   "written after each sample; the tokenizer's end of text unless given");
  pack->callback([&] { chosen = [&] { return data_pack_command(global, options); }; });
}

int data_pack_command(const GlobalOptions& global, const DataPackOptions& given) {
  data::pack::PackOptions options;
  options.file = given.file;
  options.tokenizer = given.tokenizer;
  options.end_token = given.end_token;
  options.out = given.out;
  options.budget = given.budget;
  options.window_samples = given.window;
  options.seed = given.seed;
  const auto packed = data::pack::pack_file(options);
  if (!packed) {
    return report(packed.error());
  }
  const double fill = packed->fill(given.budget);
  if (global.json) {
    const nlohmann::ordered_json json = {
        {"samples", packed->samples},     {"tokens", packed->tokens}, {"trained_tokens", packed->trained_tokens},
        {"rows", packed->bins},           {"shards", packed->shards}, {"fill", fill},
        {"truncated", packed->truncated}, {"cut", packed->cut}};
    std::printf("%s\n", json.dump(2).c_str());
    return kExitSuccess;
  }
  std::printf("%s samples with %s tokens (%s to learn) in %s rows of %s: %.1f %% full, %s shard(s) in %s\n",
              format_count(static_cast<std::int64_t>(packed->samples)).c_str(),
              format_count(static_cast<std::int64_t>(packed->tokens)).c_str(),
              format_count(static_cast<std::int64_t>(packed->trained_tokens)).c_str(),
              format_count(static_cast<std::int64_t>(packed->bins)).c_str(),
              format_count(static_cast<std::int64_t>(given.budget)).c_str(), fill * 100,
              format_count(static_cast<std::int64_t>(packed->shards)).c_str(), given.out.c_str());
  if (packed->truncated > 0) {
    std::printf("%s were longer than a row: their prompts lost the beginning, or completions the end\n",
                format_count(static_cast<std::int64_t>(packed->truncated)).c_str());
  }
  if (packed->cut > 0) {
    std::printf("%s texts were longer than a row and were cut into several\n",
                format_count(static_cast<std::int64_t>(packed->cut)).c_str());
  }
  return kExitSuccess;
}

}  // namespace luthier::cli
