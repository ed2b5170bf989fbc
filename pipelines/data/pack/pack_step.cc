#include "pipelines/data/pack/pack_step.h"

#include "base/file.h"
#include "pipelines/worker_protocol/channel.h"
#include "pipelines/worker_protocol/job.h"

namespace luthier::data::pack {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr std::uint64_t kFactsBytesMax = std::uint64_t{16} << 20;

Error wrong(const std::string& message) { return {ErrorCode::kInvalidArgument, message}; }

const Json* find(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Result<std::uint64_t> number_in(const Json& with, const char* name, std::uint64_t least, std::uint64_t most,
                                std::uint64_t otherwise) {
  const Json* value = find(with, name);
  if (value == nullptr) {
    return otherwise;
  }
  if (!value->is_number_integer() || *value < least || *value > most) {
    return wrong("`" + std::string(name) + "` must be a whole number from " + std::to_string(least) + " to " +
                 std::to_string(most) + ", not " + value->dump());
  }
  return value->get<std::uint64_t>();
}

// Of a model, or of a tokenizer that a model is yet to be made with.
Result<tokens::ModelText> text_of(const Json& with) {
  const Json* model = find(with, "model");
  const Json* tokenizer = find(with, "tokenizer");
  if ((model == nullptr) == (tokenizer == nullptr)) {
    return wrong("pack needs `model`, or `tokenizer` (not both)");
  }
  if (tokenizer != nullptr) {
    LUTHIER_TRY(const fs::path folder, worker_protocol::artifact_path(*tokenizer, "tokenizer"));
    return tokens::load_model_text(folder, {}, "the tokenizer");
  }
  if (!model->is_object() || find(*model, "base") == nullptr) {
    return wrong("`model` must be a model");
  }
  LUTHIER_TRY(const fs::path base, worker_protocol::artifact_path((*model)["base"], "model.base"));
  fs::path own_template;  // of an adapter that was trained with one that its base does not have
  if (const Json* adapter = find(*model, "adapter")) {
    LUTHIER_TRY(const fs::path folder, worker_protocol::artifact_path(*adapter, "model.adapter"));
    std::error_code ignored;
    own_template = fs::exists(folder / "chat_template.jinja", ignored) ? folder / "chat_template.jinja" : fs::path();
  }
  return tokens::load_model_text(base, own_template, "the model");
}

}  // namespace

Result<PackedDataset> pack_dataset(const Json& with, const fs::path& folder) {
  PackOptions options;
  if (find(with, "data") == nullptr) {
    return wrong("pack needs `data` (a dataset)");
  }
  LUTHIER_TRY(const fs::path data, worker_protocol::artifact_path(with["data"], "data"));
  options.file = data / "data.jsonl";
  options.out = folder / "packed";
  LUTHIER_TRY(options.model, text_of(with));
  LUTHIER_TRY(const std::uint64_t budget, number_in(with, "tokens", 2, 1 << 24, options.budget));
  LUTHIER_TRY(const std::uint64_t window, number_in(with, "window", 1, 10'000'000, options.window_samples));
  LUTHIER_TRY(options.seed, number_in(with, "seed", 0, std::uint64_t{1} << 53, 0));
  options.budget = static_cast<std::uint32_t>(budget);
  options.window_samples = static_cast<std::uint32_t>(window);
  options.chat.date = text::training_date();
  LUTHIER_TRY(const PackReport report, pack_file(options));
  // What training and serving need to know about the records is the same (docs/worker-protocol.md, dataset).
  std::error_code ignored;
  if (fs::exists(data / "dataset.json", ignored)) {
    LUTHIER_TRY(const std::string facts, read_file(data / "dataset.json", kFactsBytesMax));
    LUTHIER_TRY_VOID(write_file_atomically(options.out / "dataset.json", facts));
  }
  std::uint64_t dropped = 0;
  for (const auto& [reason, records] : report.dropped) {
    dropped += records.count;
  }
  return PackedDataset{report,
                       options.budget,
                       {{"packed", worker_protocol::artifact_output(options.out.string(), "dataset")},
                        {"rows", report.bins},
                        {"samples", report.samples},
                        {"tokens", report.tokens},
                        {"trained_tokens", report.trained_tokens},
                        {"truncated", report.truncated},
                        {"dropped", dropped},
                        {"fill", report.fill(options.budget)}}};
}

}  // namespace luthier::data::pack
