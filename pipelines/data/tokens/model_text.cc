#include "pipelines/data/tokens/model_text.h"

#include <nlohmann/json.hpp>

#include "base/digest/digest.h"
#include "base/file.h"
#include "pipelines/text/chat/plain_template.h"

namespace luthier::data::tokens {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;
constexpr std::size_t kTemplateBytesMax = std::size_t{16} << 20;

std::optional<std::int64_t> context_in(const fs::path& folder) {
  const auto text = read_file(folder / "config.json", kConfigBytesMax);
  const auto config = nlohmann::json::parse(text ? *text : std::string("{}"), nullptr, false);
  for (const char* name : {"max_position_embeddings", "n_positions"}) {
    if (config.is_object() && config.contains(name) && config[name].is_number_integer()) {
      return config[name].get<std::int64_t>();
    }
  }
  return std::nullopt;
}

}  // namespace

Result<ModelText> load_model_text(const fs::path& model, const fs::path& chat_template, const std::string& name) {
  ModelText read;
  std::error_code ignored;
  const bool is_folder = fs::is_directory(model, ignored);
  if (!model.empty()) {
    auto tokenizer = text::Tokenizer::load(model);
    if (!tokenizer) {
      return std::move(tokenizer).error().with("the tokenizer of " + name);
    }
    read.tokenizer = std::move(*tokenizer);
    LUTHIER_TRY(read.tokenizer_digest, sha256_digest_of_file(is_folder ? model / "tokenizer.json" : model));
  }
  if (is_folder) {
    read.context = context_in(model);
  }
  if (!chat_template.empty()) {  // which still needs the special tokens of the model
    LUTHIER_TRY(read.added_template, read_file(chat_template, kTemplateBytesMax));
    LUTHIER_TRY(read.chat, text::ChatTemplate::load(chat_template, is_folder ? model : model.parent_path()));
    return read;
  }
  if (!is_folder) {
    read.no_chat =
        name + " is a tokenizer without a chat template; name the model's folder, or a template with --template";
    return read;
  }
  auto own = text::ChatTemplate::load(model);
  if (own || own.error().code != ErrorCode::kNotFound) {
    LUTHIER_TRY(read.chat, std::move(own));
    return read;
  }
  auto plain = text::ChatTemplate::load_plain(model);  // as trainings do
  if (plain) {
    read.chat = std::move(*plain);
    read.added_template = text::plain_chat_template();
  } else {
    read.no_chat = name + ": " + plain.error().message;
  }
  return read;
}

}  // namespace luthier::data::tokens
