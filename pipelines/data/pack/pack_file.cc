#include "pipelines/data/pack/pack_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest/digest.h"
#include "base/file.h"
#include "pipelines/data/read/reader.h"
#include "pipelines/pack/first_fit.h"
#include "pipelines/pack/shard.h"

namespace luthier::data::pack {
namespace {

using luthier::pack::Item;
using luthier::pack::Sample;
using luthier::pack::ShardWriter;
using OrderedJson = nlohmann::ordered_json;

// A window is full earlier when its samples are long, so that memory stays bounded.
constexpr std::uint64_t kWindowTokensMax = std::uint64_t{1} << 25;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

// Takes samples in the order of the file; writes shards and pack.json.
class Packer {
 public:
  Packer(const PackOptions& options, std::uint32_t token_bytes)
      : options_(options), token_bytes_(token_bytes), writer_(options.budget, token_bytes, 0) {}

  Result<void> add(MadeSamples made, std::int64_t line) {
    if (!made.notes.empty() && report_.mended++ == 0) {
      report_.first_mended = options_.file.string() + ":" + std::to_string(line) + ": " + made.notes.front();
    }
    if (made.dropped != Dropped::kNo) {
      PackReport::DroppedRecords& dropped = report_.dropped[made.dropped];
      dropped.first_line = dropped.count++ == 0 ? line : dropped.first_line;
      return {};
    }
    report_.samples += 1;
    report_.chats += made.chat ? 1 : 0;
    report_.truncated += made.truncated ? 1 : 0;
    report_.cut += made.samples.size() > 1 ? 1 : 0;
    report_.segments += made.samples.size();
    for (Sample& sample : made.samples) {
      window_tokens_ += sample.tokens.size();
      report_.tokens += sample.tokens.size();
      report_.trained_tokens +=
          static_cast<std::uint64_t>(std::count(sample.trained.begin(), sample.trained.end(), true));
      window_.push_back(std::move(sample));
    }
    return window_.size() >= options_.window_samples || window_tokens_ >= kWindowTokensMax ? end_window()
                                                                                           : Result<void>{};
  }

  Result<PackReport> finish(const std::string& file_digest) {
    LUTHIER_TRY_VOID(end_window());
    if (report_.samples == 0) {
      return nothing_left();
    }
    if (writer_.bins() > 0) {
      LUTHIER_TRY_VOID(end_shard());
    }
    if (report_.chats > 0 && !options_.model.added_template.empty()) {
      LUTHIER_TRY_VOID(write_file_atomically(options_.out / "chat_template.jinja", options_.model.added_template));
    }
    const OrderedJson json = {{"version", luthier::pack::kShardVersion},
                              {"budget", options_.budget},
                              {"window_samples", options_.window_samples},
                              {"seed", options_.seed},
                              {"tokenizer", options_.model.tokenizer_digest},
                              {"source", file_digest},
                              {"samples", report_.samples},
                              {"segments", report_.segments},
                              {"chats", report_.chats},
                              {"bins", report_.bins},
                              {"tokens", report_.tokens},
                              {"trained_tokens", report_.trained_tokens},
                              {"truncated", report_.truncated},
                              {"cut", report_.cut},
                              {"mended", report_.mended},
                              {"dropped", dropped_json()},
                              {"shards", shards_}};
    LUTHIER_TRY_VOID(write_file_atomically(options_.out / "pack.json", json.dump(2) + "\n"));
    return report_;
  }

 private:
  Error nothing_left() const {
    const std::string file = options_.file.string();
    if (report_.dropped.empty()) {
      return wrong(file + " holds no records");
    }
    const auto& [reason, records] = *report_.dropped.begin();
    return wrong(file + ":" + std::to_string(records.first_line) +
                 ": no record is left to train on; of this one and others, " + std::string(meaning_of(reason)));
  }

  OrderedJson dropped_json() const {
    OrderedJson json = OrderedJson::object();
    for (const auto& [reason, records] : report_.dropped) {
      json[std::string(name_of(reason))] = {{"count", records.count}, {"first_line", records.first_line}};
    }
    return json;
  }

  Result<void> end_window() {
    std::vector<Item> items;
    items.reserve(window_.size());
    for (const Sample& sample : window_) {
      items.push_back({sample.id, static_cast<std::uint32_t>(sample.tokens.size())});
    }
    const auto bins =
        luthier::pack::first_fit_decreasing(items, options_.budget, options_.seed + 0x9e3779b97f4a7c15ULL * windows_++);
    for (const auto& bin : bins) {
      std::vector<const Sample*> samples;
      for (const std::uint32_t index : bin) {
        samples.push_back(&window_[index]);
      }
      writer_.add_bin(samples);
      ++report_.bins;
      if (writer_.bytes() >= options_.shard_bytes) {
        LUTHIER_TRY_VOID(end_shard());
      }
    }
    window_.clear();
    window_tokens_ = 0;
    return {};
  }

  Result<void> end_shard() {
    std::string number = std::to_string(report_.shards);
    number.insert(0, 5 - std::min<std::size_t>(5, number.size()), '0');
    const std::string name = "shard-" + number + ".pack";
    const std::string content = writer_.finish();
    LUTHIER_TRY_VOID(write_file_atomically(options_.out / name, content));
    shards_.push_back({{"file", name}, {"bins", writer_.bins()}, {"digest", sha256_digest(content)}});
    report_.shards += 1;
    writer_ = ShardWriter(options_.budget, token_bytes_, report_.bins);
    return {};
  }

  const PackOptions& options_;
  std::uint32_t token_bytes_;
  ShardWriter writer_;
  std::vector<Sample> window_;
  std::uint64_t window_tokens_ = 0;
  std::uint64_t windows_ = 0;
  OrderedJson shards_ = OrderedJson::array();
  PackReport report_;
};

Result<text::TokenId> end_of_sample(const text::Tokenizer& tokenizer, const std::string& end_token) {
  const auto end = end_token.empty() ? tokenizer.eos() : tokenizer.token_to_id(end_token);
  if (!end.has_value()) {
    return wrong(end_token.empty() ? "the tokenizer names no end of text; name one with --end-token"
                                   : "\"" + end_token + "\" is not a token of the tokenizer");
  }
  return *end;
}

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder, ignored) && !std::filesystem::is_empty(folder, ignored)) {
    return wrong(folder.string() + " is not empty; name a folder that is, or that is not there yet");
  }
  return create_folders(folder);
}

// What is in it was written here: it was empty before.
void empty_folder(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

Result<PackReport> pack_records(const PackOptions& options, read::Reader& reader, text::TokenId end,
                                const std::string& file_digest) {
  SampleMaker maker(options.model, options.chat, end, options.budget);
  Packer packer(options, options.model.tokenizer->vocab_size() <= 65'536 ? 2 : 4);
  read::ExampleStream stream(reader, options.file.string());
  while (true) {
    LUTHIER_TRY(std::optional<read::ReadExample> next, stream.next());
    if (!next.has_value()) {
      break;
    }
    if (next->problem.has_value()) {
      return wrong(to_string(*next->problem));
    }
    auto made = maker.make(next->example);
    if (!made) {
      return std::move(made).error().with(options.file.string() + ":" + std::to_string(next->example.line));
    }
    LUTHIER_TRY_VOID(packer.add(std::move(made).value(), next->example.line));
  }
  return packer.finish(file_digest);
}

}  // namespace

Result<PackReport> pack_file(const PackOptions& options) {
  if (options.budget < 2 || options.window_samples == 0) {
    return wrong("a bin must hold at least 2 tokens, and a window 1 sample");
  }
  if (!options.model.tokenizer) {
    return wrong("packing needs a tokenizer");
  }
  LUTHIER_TRY(const text::TokenId end, end_of_sample(*options.model.tokenizer, options.end_token));
  LUTHIER_TRY(const auto reader, read::open_reader(options.file, {}));
  LUTHIER_TRY_VOID(make_folder(options.out));
  LUTHIER_TRY(const std::string file_digest, sha256_digest_of_file(options.file));

  auto packed = pack_records(options, *reader, end, file_digest);
  if (!packed) {
    empty_folder(options.out);  // half a pack would only be in the way of the next try
  }
  return packed;
}

}  // namespace luthier::data::pack
