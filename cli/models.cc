#include "cli/models.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <filesystem>

#include "cli/format.h"
#include "cli/sources.h"

namespace luthier::cli {
namespace {

namespace fs = std::filesystem;

int print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return kExitSuccess;
}

std::string aliases_of(const Json& model, const Json& version) {
  std::string text;
  const Json aliases = model.value("aliases", Json::object());
  for (const auto& [alias, number] : aliases.items()) {
    if (number == version) {
      text += (text.empty() ? "" : ", ") + printable(alias);
    }
  }
  return text;
}

std::string origin_of(const Json& version) {
  const Json lineage = version.value("lineage", Json::object());
  if (lineage.is_object() && lineage.contains("run")) {
    return "run " + text_of(lineage, "run") + ", " + text_of(lineage, "step");
  }
  const std::string imported = text_of(lineage, "imported_from");
  return imported.empty() ? "" : "imported from " + imported;
}

std::string metrics_of(const Json& version) {
  std::string text;
  const Json metrics = version.value("metrics", Json::object());
  for (const auto& [name, value] : metrics.items()) {
    if (value.is_number()) {
      text += (text.empty() ? "" : ", ") + printable(name) + " " + format_number(value.get<double>());
    }
  }
  return cut(text, 60);
}

void print_models(const Json& models) {
  std::vector<std::vector<std::string>> rows = {{"MODEL", "VERSION", "ALIASES", "FROM", "METRICS"}};
  for (const Json& model : models) {
    for (const Json& version : model.value("versions", Json::array())) {
      rows.push_back({text_of(model, "name"), text_of(version, "version"),
                      aliases_of(model, version.value("version", Json())), origin_of(version), metrics_of(version)});
    }
  }
  std::printf("%s",
              rows.size() == 1 ? "no models yet; `luthier models import DIR` adds one\n" : format_table(rows).c_str());
}

// The files of a Hugging Face folder that matter here; links are followed, as its cache is made of them.
Result<std::vector<LocalFile>> model_files(const fs::path& folder) {
  std::vector<LocalFile> files;
  bool weights = false;
  std::error_code failure;
  for (fs::directory_iterator entries(folder, failure); !failure && entries != fs::directory_iterator();
       entries.increment(failure)) {
    const std::string name = entries->path().filename().string();
    const std::string extension = entries->path().extension().string();
    std::error_code ignored;
    if (name.starts_with(".") || !fs::is_regular_file(entries->path(), ignored)) {
      continue;
    }
    weights = weights || extension == ".safetensors";
    if (extension == ".json" || extension == ".safetensors" || extension == ".jinja") {
      files.push_back({name, entries->path()});
    }
  }
  if (failure) {
    return Error{ErrorCode::kInvalidArgument, "cannot list " + folder.string() + ": " + failure.message()};
  }
  for (const char* needed : {"config.json", "tokenizer.json"}) {
    const bool there = std::any_of(files.begin(), files.end(), [&](const LocalFile& f) { return f.path == needed; });
    if (!there) {
      return Error{ErrorCode::kInvalidArgument, folder.string() + " is not a Hugging Face model: it has no " + needed};
    }
  }
  if (!weights) {
    return Error{ErrorCode::kInvalidArgument, folder.string() + " has no *.safetensors; other weights are not read"};
  }
  std::sort(files.begin(), files.end(), [](const LocalFile& a, const LocalFile& b) { return a.path < b.path; });
  return files;
}

// The folder's name, with what a model's name may not hold replaced.
std::string name_of(const fs::path& folder) {
  std::string name = fs::absolute(folder).lexically_normal().filename().string();
  if (name.empty()) {
    name = fs::absolute(folder).lexically_normal().parent_path().filename().string();
  }
  for (char& character : name) {
    const auto byte = static_cast<unsigned char>(character);
    character = std::isalnum(byte) != 0 || character == '.' || character == '_' || character == '-'
                    ? static_cast<char>(std::tolower(byte))
                    : '-';
  }
  return name;
}

Result<Json> import_model(const GlobalOptions& options, const ImportOptions& given) {
  LUTHIER_TRY(const std::vector<LocalFile> files, model_files(given.folder));
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const std::string artifact,
              upload_artifact(api, "model", files, [&](const LocalFile& file, std::uint64_t bytes) {
                if (!options.json) {
                  std::printf("uploading %s (%s)\n", printable(file.path).c_str(), format_bytes(bytes).c_str());
                  std::fflush(stdout);
                }
              }));
  const std::string name = given.name.empty() ? name_of(given.folder) : given.name;
  return api.post("/api/v1/models/" + segment(name) + "/versions",
                  {{"artifact", artifact},
                   {"description", given.description},
                   {"imported_from", fs::absolute(given.folder).lexically_normal().string()}});
}

}  // namespace

Result<Json> find_version(ApiClient& api, const std::string& reference) {
  const std::size_t at = reference.find('@');
  const std::string name = reference.substr(0, at);
  const std::string selector = at == std::string::npos ? "" : reference.substr(at + 1);
  LUTHIER_TRY(const Json model, api.get("/api/v1/models/" + segment(name)));
  const Json aliases = model.value("aliases", Json::object());
  const Json versions = model.value("versions", Json::array());
  Json number;
  if (selector.empty()) {
    number = aliases.value("production", versions.empty() ? Json() : versions.back().value("version", Json()));
  } else if (std::all_of(selector.begin(), selector.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) {
    number = std::strtoll(selector.c_str(), nullptr, 10);
  } else {
    number = aliases.value(selector, Json());
  }
  for (const Json& version : versions) {
    if (version.value("version", Json()) == number) {
      return version;
    }
  }
  return Error{ErrorCode::kNotFound, "model '" + name + "' has no version or alias '" + selector +
                                         "'; `luthier models list " + name + "` shows them"};
}

int models_command(const GlobalOptions& options, const std::string& model) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<Json> answer = api->get("/api/v1/models" + (model.empty() ? "" : "/" + segment(model)));
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    return print_json(*answer);
  }
  print_models(model.empty() ? answer->value("models", Json::array()) : Json::array({*answer}));
  for (const Json& move : answer->value("alias_history", Json::array())) {
    const std::string from = text_of(move, "from_version");
    std::printf("%s  %s → version %s%s%s\n", text_of(move, "at").c_str(), text_of(move, "alias").c_str(),
                text_of(move, "to_version").c_str(), from.empty() || from == "0" ? "" : (", before " + from).c_str(),
                text_of(move, "reason").empty() ? "" : (": " + text_of(move, "reason")).c_str());
  }
  return kExitSuccess;
}

int import_command(const GlobalOptions& options, const ImportOptions& given) {
  const Result<Json> version = import_model(options, given);
  if (!version) {
    return report(version.error());
  }
  if (options.json) {
    return print_json(*version);
  }
  std::printf("%s@%s is there; `luthier chat %s@%s` talks to it\n", text_of(*version, "model").c_str(),
              text_of(*version, "version").c_str(), text_of(*version, "model").c_str(),
              text_of(*version, "version").c_str());
  return kExitSuccess;
}

int alias_command(const GlobalOptions& options, const AliasOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  Json body{{"version", given.version}, {"force", given.force}};
  if (given.expect >= 0) {
    body["expected_version"] = given.expect;
  }
  const Result<Json> moved =
      api->put("/api/v1/models/" + segment(given.model) + "/aliases/" + segment(given.alias), body);
  if (!moved) {
    return report(moved.error());
  }
  if (options.json) {
    return print_json(*moved);
  }
  const std::string before = text_of(*moved, "previous_version");
  std::printf("%s@%s is version %s%s\n", text_of(*moved, "model").c_str(), text_of(*moved, "alias").c_str(),
              text_of(*moved, "version").c_str(), before.empty() ? "" : (", before it was " + before).c_str());
  return kExitSuccess;
}

}  // namespace luthier::cli
