#include "pipelines/data/tokens/model_text.h"

#include <nlohmann/json.hpp>

#include "base/digest/digest.h"
#include "base/file.h"

namespace luthier::data::tokens {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kConfigBytesMax = std::size_t{1} << 20;

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
  if (chat_template.empty() && !is_folder) {
    read.no_chat = name +
                   " is a tokenizer without a chat template; name the model's folder, or a template with "
                   "--template";
    return read;
  }
  // A template of one's own still needs the special tokens of the model.
  auto chat = chat_template.empty() ? text::ChatTemplate::load(model)
                                    : text::ChatTemplate::load(chat_template, is_folder ? model : model.parent_path());
  if (chat) {
    read.chat = std::move(*chat);
  } else if (chat.error().code == ErrorCode::kNotFound && chat_template.empty()) {
    read.no_chat = name + " has no chat template; name one with --template";
  } else {
    return std::move(chat).error();
  }
  return read;
}

}  // namespace luthier::data::tokens
