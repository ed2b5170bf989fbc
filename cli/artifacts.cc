#include "cli/artifacts.h"

#include <cstdio>

#include "base/file.h"
#include "cli/download.h"
#include "cli/format.h"
#include "cli/merge.h"
#include "cli/models.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

OnDownload telling(const GlobalOptions& options) {
  return [json = options.json](const artifact::FileEntry& file) {
    if (!json) {
      std::printf("%s (%s)\n", printable(file.path).c_str(), format_bytes(file.bytes).c_str());
      std::fflush(stdout);
    }
  };
}

void print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

std::string names_in(const Json& object) {
  std::string names;
  if (object.is_object()) {
    for (const auto& [name, value] : object.items()) {
      names += (names.empty() ? "" : ", ") + name;
    }
  }
  return names.empty() ? "nothing" : names;
}

// A digest as it is; RUN/STEP/OUTPUT is looked up.
Result<std::string> digest_of(ApiClient& api, const std::string& reference) {
  const std::size_t first = reference.find('/');
  if (first == std::string::npos) {
    return reference;
  }
  const std::size_t second = reference.find('/', first + 1);
  const std::string run = reference.substr(0, first);
  const std::string id = reference.substr(first + 1, second == std::string::npos ? second : second - first - 1);
  LUTHIER_TRY(const Json found, api.get("/api/v1/runs/" + segment(run)));
  for (const Json& step : found.value("steps", Json::array())) {
    if (text_of(step, "id") == id) {
      Result<std::string> digest = digest_at(step.value("outputs", Json::object()),
                                             second == std::string::npos ? "" : reference.substr(second + 1));
      return digest ? std::move(digest) : std::move(digest.error()).with(run + "/" + id);
    }
  }
  return Error{ErrorCode::kNotFound,
               "run " + run + " has no step '" + id + "'; `luthier status " + run + "` shows them"};
}

// Transformers and PEFT find the base by this name, and the tokenizer.
Result<void> complete_adapter(const fs::path& folder) {
  const fs::path place = folder / "adapter_config.json";
  LUTHIER_TRY(const std::string text, read_file(place));
  Json config = Json::parse(text, nullptr, false);
  if (!config.is_object()) {
    return Error{ErrorCode::kDataLoss, place.string() + " is not JSON"};
  }
  config["base_model_name_or_path"] = fs::absolute(folder / "base").lexically_normal().string();
  for (const char* name : {"tokenizer.json", "tokenizer_config.json"}) {  // looked for beside the adapter, too
    std::error_code failure;
    if (fs::exists(folder / "base" / name, failure) && !fs::exists(folder / name, failure)) {
      fs::copy_file(folder / "base" / name, folder / name, failure);
    }
    if (failure) {
      return Error{ErrorCode::kInternal, "copying " + (folder / name).string() + ": " + failure.message()};
    }
  }
  return write_file_atomically(place, config.dump(2) + "\n");
}

Result<void> export_merged(const GlobalOptions& options, ApiClient& api, const Json& version, const fs::path& folder) {
  LUTHIER_TRY(const fs::path worker, find_worker());  // before anything is downloaded
  const fs::path parts = folder / ".parts";
  LUTHIER_TRY(const auto base, download_artifact(api, text_of(version, "base"), parts / "base", telling(options)));
  LUTHIER_TRY(const auto adapter,
              download_artifact(api, text_of(version, "adapter"), parts / "adapter", telling(options)));
  return merge_parts(worker, parts, folder);
}

Result<void> export_parts(const GlobalOptions& options, ApiClient& api, const Json& version, const fs::path& folder) {
  const std::string adapter = text_of(version, "adapter");
  LUTHIER_TRY(const auto base, download_artifact(api, text_of(version, "base"),
                                                 adapter.empty() ? folder : folder / "base", telling(options)));
  if (adapter.empty()) {
    return {};
  }
  LUTHIER_TRY(const auto files, download_artifact(api, adapter, folder, telling(options)));
  return complete_adapter(folder);
}

Result<Json> export_model(const GlobalOptions& options, const ExportOptions& given) {
  const fs::path folder = given.folder;
  LUTHIER_TRY_VOID(check_is_free(folder));
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(Json version, find_version(api, given.model));
  if (given.merge && text_of(version, "adapter").empty()) {
    return Error{ErrorCode::kInvalidArgument, "--merge: " + given.model + " has no adapter; it is whole as it is"};
  }
  LUTHIER_TRY_VOID(create_folders(folder));
  LUTHIER_TRY_VOID(given.merge ? export_merged(options, api, version, folder)
                               : export_parts(options, api, version, folder));
  version["model"] = given.model.substr(0, given.model.find('@'));
  version["merged"] = given.merge;
  LUTHIER_TRY_VOID(write_file_atomically(folder / "luthier-export.json", version.dump(2) + "\n"));
  return version;
}

}  // namespace

Result<std::string> digest_at(const Json& outputs, const std::string& path) {
  const Json* value = &outputs;
  std::size_t at = 0;
  while (at < path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string name = path.substr(at, end - at);
    if (!value->is_object() || !value->contains(name)) {
      return Error{ErrorCode::kNotFound, "there is no output '" + name + "'; there are: " + names_in(*value)};
    }
    value = &value->at(name);
    at = end + 1;
  }
  for (const char* part : {"adapter", "base"}) {
    if (value->is_object() && value->contains(part) && value->at(part).is_object()) {
      value = &value->at(part);
      break;
    }
  }
  const std::string digest = value->is_object() ? text_of(*value, "$artifact") : "";
  if (digest.empty()) {
    return Error{ErrorCode::kInvalidArgument, "'" + path + "' is no stored folder" +
                                                  (value->is_object() ? "; name one of: " + names_in(*value) : "")};
  }
  return digest;
}

int artifact_show_command(const GlobalOptions& options, const std::string& reference) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<std::string> digest = digest_of(*api, reference);
  const Result<artifact::Manifest> manifest =
      digest ? fetch_manifest(*api, *digest) : Result<artifact::Manifest>(digest.error());
  if (!manifest) {
    return report(manifest.error());
  }
  if (options.json) {
    print_json(Json::parse(artifact::manifest_to_json(*manifest)));
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows = {{"FILE", "SIZE", "DIGEST"}};
  for (const artifact::FileEntry& file : manifest->files) {
    rows.push_back({printable(file.path), format_bytes(file.bytes), file.digest});
  }
  std::printf("%s of kind %s\n%s", digest->c_str(), printable(manifest->kind).c_str(), format_table(rows).c_str());
  return kExitSuccess;
}

int artifact_get_command(const GlobalOptions& options, const std::string& reference, const std::string& folder) {
  Result<void> free = check_is_free(folder);
  Result<ApiClient> api = free ? connect(options) : Result<ApiClient>(free.error());
  if (!api) {
    return report(api.error());
  }
  const Result<std::string> digest = digest_of(*api, reference);
  const Result<artifact::Manifest> manifest =
      digest ? download_artifact(*api, *digest, folder, telling(options)) : Result<artifact::Manifest>(digest.error());
  if (!manifest) {
    return report(manifest.error());
  }
  if (options.json) {
    print_json(Json::parse(artifact::manifest_to_json(*manifest)));
  } else {
    std::printf("%zu files are in %s\n", manifest->files.size(), printable(folder).c_str());
  }
  return kExitSuccess;
}

int export_command(const GlobalOptions& options, const ExportOptions& given) {
  const Result<Json> version = export_model(options, given);
  if (!version) {
    return report(version.error());
  }
  if (options.json) {
    print_json(*version);
    return kExitSuccess;
  }
  std::printf("%s@%s is in %s%s\n", text_of(*version, "model").c_str(), text_of(*version, "version").c_str(),
              printable(given.folder).c_str(),
              given.merge                            ? ", merged"
              : text_of(*version, "adapter").empty() ? ""
                                                     : "; its base is in base/, where PEFT finds it");
  return kExitSuccess;
}

}  // namespace luthier::cli
