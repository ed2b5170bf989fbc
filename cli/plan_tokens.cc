#include "cli/plan_tokens.h"

#include <stdlib.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <regex>

#include "base/file.h"
#include "cli/download.h"
#include "cli/format.h"
#include "cli/sources.h"
#include "cli/step_program.h"
#include "cli/token_count.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kCountedBytesMax = 32 << 20;     // of a dataset: more is estimated from so much
constexpr std::uint64_t kPreparedBytesMax = 32 << 20;    // of local sources
constexpr std::uint64_t kDownloadBytesMax = 256U << 20;  // of a dataset on the controller
constexpr std::int64_t kPositionsDefault = 2'048;        // of a model that does not say, as the worker takes it
constexpr int kFollowedMax = 8;                          // uploads in a row

Error unknown(const std::string& why) { return Error{ErrorCode::kFailedPrecondition, "unknown: " + why}; }

class TemporaryFolder {
 public:
  TemporaryFolder() : path_((fs::temp_directory_path() / "luthier-plan-XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
      path_.clear();
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) {
      fs::remove_all(path_, ignored);
    }
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }  // empty: it could not be made

 private:
  std::string path_;
};

// Where artifacts that do not change are kept between calls; empty: nowhere.
fs::path cache_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  const fs::path base = cache != nullptr && *cache != 0 ? fs::path(cache)
                        : home != nullptr && *home != 0 ? fs::path(home) / ".cache"
                                                        : fs::path();
  return base.empty() ? base : base / "luthier" / "tokenizers";
}

// What says how a model reads text.
std::vector<std::string> text_files() {
  return {"tokenizer.json",      "tokenizer_config.json", "special_tokens_map.json",
          "chat_template.jinja", "config.json",           "additional_chat_templates/tool_use.jinja"};
}

std::string digest_in(const Json& value) {
  return value.is_object() && value.value("$artifact", Json()).is_string() ? value["$artifact"].get<std::string>() : "";
}

// The step and the output that "${{ steps.STEP.outputs.OUTPUT }}" names.
struct Reference {
  std::string step, output;
};
std::optional<Reference> reference_in(const Json& value) {
  static const std::regex pattern(R"(\$\{\{\s*steps\.([\w-]+)\.outputs\.([\w-]+)\s*\}\})");
  std::smatch match;
  const std::string text = value.is_string() ? value.get<std::string>() : "";
  return std::regex_match(text, match, pattern) ? std::optional(Reference{match[1], match[2]}) : std::nullopt;
}

class TokenPlanner {
 public:
  TokenPlanner(ApiClient& api, const PipelineFile& file, const plan::Plan& plan, const Json& forecast)
      : api_(api), folder_(file.path.has_parent_path() ? file.path.parent_path() : "."), plan_(plan) {
    for (const Json& step : forecast.value("steps", Json::array())) {
      forecast_[text_of(step, "id")] = step;
    }
  }

  Result<TrainingTokens> tokens_of(const std::string& id) {
    if (work_.path().empty()) {
      return unknown("no temporary folder can be made to count in");
    }
    const Json with = inputs_of(id);
    LUTHIER_TRY(const Basis basis, basis_of(id, with));
    LUTHIER_TRY(const DatasetTokens counted, count_data(id, with, basis));
    TrainingTokens tokens = tokens_of_training(with, counted);
    tokens.how = (counted.estimated() ? "estimated from the first " + format_bytes(counted.counted) + " of " +
                                            format_bytes(counted.counted_of) + " with "
                                      : "counted with ") +
                 basis.name + ": " + tokens.how;
    return tokens;
  }

 private:
  // What a training's texts are cut with.
  struct Basis {
    fs::path tokenizer;
    fs::path chat_template;  // of an adapter that was trained with one that its base does not have
    std::string name;        // "the tokenizer of tiny-llama"
    std::int64_t positions = 0;
  };

  Result<DatasetTokens> count_data(const std::string& id, const Json& with, const Basis& basis) {
    std::string reader = id;
    Json data = with.value("data", Json());
    CountLimits limits{input_length_of(with, basis.positions), kCountedBytesMax, 0};
    if (const plan::Step* packer = packer_of(data, 0); packer != nullptr) {  // it will pack what it reads
      reader = packer->id.value;
      const Json packing = inputs_of(reader);
      data = packing.value("data", Json());
      limits.row_tokens = packing.value("tokens", std::int64_t{2'048});
    }
    LUTHIER_TRY(const fs::path folder, folder_of(reader, data, {"data.jsonl", "pack.json"}, 0));
    std::error_code failure;
    if (fs::exists(folder / "pack.json", failure)) {
      return count_packed(folder / "pack.json");
    }
    LUTHIER_TRY(const data::tokens::ModelText model,
                data::tokens::load_model_text(basis.tokenizer, basis.chat_template, basis.name));
    return count_dataset(folder / "data.jsonl", model, limits);
  }

  // The pack step of this run that makes `value`, through uploads; nullptr: none does.
  const plan::Step* packer_of(const Json& value, int followed) const {
    const std::optional<Reference> reference = reference_in(value);
    const plan::Step* maker = reference && followed <= kFollowedMax ? planned(reference->step) : nullptr;
    if (maker == nullptr || maker->uses == "pack") {
      return maker;
    }
    return maker->uses != "upload"
               ? nullptr
               : packer_of(inputs_of(maker->id.value).value(reference->output, Json()), followed + 1);
  }

  const plan::Step* planned(const std::string& id) const {
    const auto found = std::find_if(plan_.steps.begin(), plan_.steps.end(),
                                    [&id](const plan::Step& step) { return step.id.value == id; });
    return found == plan_.steps.end() ? nullptr : &*found;
  }

  // What the controller has resolved, and for the rest what the file says.
  Json inputs_of(const std::string& id) const {
    const plan::Step* step = planned(id);
    Json with = step == nullptr ? Json::object() : step->with;
    if (const auto found = forecast_.find(id); found != forecast_.end()) {
      with.update(found->second.value("with", Json::object()));
    }
    return with;
  }

  Result<Basis> basis_of(const std::string& id, const Json& with) {
    if (const Json init = with.value("init", Json()); init.is_object()) {
      LUTHIER_TRY(fs::path folder, folder_of(id, init.value("tokenizer", Json()), text_files(), 0));
      const Json positions = init.value("max_position_embeddings", Json());
      return Basis{std::move(folder),
                   {},
                   "the new model's tokenizer",
                   positions.is_number_integer() ? positions.get<std::int64_t>() : kPositionsDefault};
    }
    const Json model = with.value("model", Json());
    if (!model.is_object()) {
      return unknown("the model that it starts from is made by this run");
    }
    const Json base = model.value("base", Json());
    LUTHIER_TRY(fs::path folder, fetch(digest_in(base), text_files()));
    fs::path chat_template;
    if (const std::string adapter = digest_in(model.value("adapter", Json())); !adapter.empty()) {
      LUTHIER_TRY(const fs::path own, fetch(adapter, {"chat_template.jinja"}));
      std::error_code failure;
      chat_template = fs::exists(own / "chat_template.jinja", failure) ? own / "chat_template.jinja" : fs::path();
    }
    LUTHIER_TRY(const std::string config, read_file(folder / "config.json", 1 << 20));
    const Json positions = Json::parse(config, nullptr, false).value("max_position_embeddings", Json());
    const std::string name = text_of(model, "name");
    return Basis{std::move(folder), std::move(chat_template),
                 "the tokenizer of " + (name.empty() ? std::string("its model") : printable(name)),
                 positions.is_number_integer() ? positions.get<std::int64_t>() : kPositionsDefault};
  }

  // A folder with these files of an artifact that an input of step `id` names, on the controller or to come.
  Result<fs::path> folder_of(const std::string& id, const Json& value, const std::vector<std::string>& files,
                             int followed) {
    if (const std::string digest = digest_in(value); !digest.empty()) {
      return fetch(digest, files);
    }
    const std::optional<Reference> reference = reference_in(value);
    const plan::Step* maker = reference ? planned(reference->step) : nullptr;
    if (maker == nullptr || followed > kFollowedMax) {
      return unknown("'" + id + "' takes what is known only when it is to start");
    }
    if (maker->uses == "upload") {
      return folder_of(maker->id.value, inputs_of(maker->id.value).value(reference->output, Json()), files,
                       followed + 1);
    }
    if (maker->uses != "prepare") {
      return unknown("'" + maker->id.value + "' of this run makes what it reads");
    }
    LUTHIER_TRY(const Json outputs, prepared(*maker));
    const Json made = outputs.value(reference->output, Json());
    const Json path = made.is_object() ? made.value("$path", Json()) : Json();
    if (!path.is_string()) {
      return unknown("'" + maker->id.value + "' gives no " + reference->output);
    }
    return fs::path(work_.path()) / maker->id.value / path.get<std::string>();
  }

  // What the prepare step will make of local files, made here.
  Result<Json> prepared(const plan::Step& step) {
    const auto [place, fresh] = prepared_.try_emplace(step.id.value, Json::object());
    if (!fresh) {
      return place->second;
    }
    place->second = run_prepare(step);
    return place->second;
  }

  Result<Json> run_prepare(const plan::Step& step) {
    const Json source = step.with.value("source", Json());
    if (!source.is_string() || source.get<std::string>().find("${{") != std::string::npos) {
      return unknown("'" + step.id.value + "' of this run makes its data");
    }
    Result<fs::path> program = find_beside("luthier-prep");
    if (!program) {
      return unknown("its data is not prepared yet, and " + program.error().message);
    }
    LUTHIER_TRY(const std::vector<LocalFile> files, find_files(folder_, source.get<std::string>()));
    const fs::path folder = fs::path(work_.path()) / step.id.value;
    std::uint64_t bytes = 0;
    std::error_code failure;
    for (const LocalFile& file : files) {
      bytes += fs::file_size(file.place, failure);
    }
    if (bytes > kPreparedBytesMax) {
      return unknown("its data has " + format_bytes(bytes) + " and is not prepared yet; up to " +
                     format_bytes(kPreparedBytesMax) + " are prepared to be counted");
    }
    for (const LocalFile& file : files) {
      const fs::path target = folder / "source" / file.path;
      LUTHIER_TRY_VOID(create_folders(target.parent_path()));
      fs::copy_file(file.place, target, failure);
      if (failure) {
        return unknown("cannot copy " + file.place.string() + ": " + failure.message());
      }
    }
    Json with = inputs_of(step.id.value);
    with["source"] = {{"$path", (folder / "source").string()}, {"kind", "source"}};
    Result<Json> outputs = run_step_program(*program, "prepare", with, folder);
    return outputs ? std::move(outputs) : Result<Json>(unknown("preparing it fails: " + outputs.error().message));
  }

  // These files of an artifact of the controller, those of them that it has. Tokenizers are kept.
  Result<fs::path> fetch(const std::string& digest, const std::vector<std::string>& names) {
    LUTHIER_TRY(const artifact::Manifest manifest, fetch_manifest(api_, digest));
    const bool keep = names.front() == "tokenizer.json" && !cache_folder().empty();
    const std::string hex = digest.substr(digest.find(':') + 1);
    const fs::path folder = keep ? cache_folder() / hex : fs::path(work_.path()) / hex;
    for (const artifact::FileEntry& entry : manifest.files) {
      std::error_code failure;
      const bool wanted = std::find(names.begin(), names.end(), entry.path) != names.end();
      if (!wanted || fs::exists(folder / entry.path, failure)) {
        continue;
      }
      if (entry.bytes > kDownloadBytesMax) {
        return unknown("its data has " + format_bytes(entry.bytes) + "; up to " + format_bytes(kDownloadBytesMax) +
                       " are fetched to be counted");
      }
      LUTHIER_TRY_VOID(download_file(api_, entry, folder / entry.path));
    }
    return folder;
  }

  ApiClient& api_;
  const fs::path folder_;
  const plan::Plan& plan_;
  std::map<std::string, Json> forecast_;  // by step
  std::map<std::string, Result<Json>> prepared_;
  TemporaryFolder work_;
};

}  // namespace

Json count_plan_tokens(ApiClient& api, const PipelineFile& file, const plan::Plan& plan, const Json& forecast) {
  TokenPlanner planner(api, file, plan, forecast);
  Json found = Json::object();
  for (const Json& step : forecast.value("steps", Json::array())) {
    const Json tokens = step.value("tokens", Json());
    const std::string decision = text_of(step, "decision");
    if (!tokens.is_object() || !tokens["value"].is_null() || (decision != "run" && decision != "open")) {
      continue;
    }
    const std::string id = text_of(step, "id");
    const Result<TrainingTokens> counted = planner.tokens_of(id);
    found[id] = counted ? Json{{"value", counted->value}, {"why", counted->how}}
                        : Json{{"value", nullptr}, {"why", counted.error().message}};
  }
  return found;
}

}  // namespace luthier::cli
