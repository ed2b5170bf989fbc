// `luthier models history|rollback|delete|verify`.
#include <algorithm>
#include <charconv>
#include <cstdio>

#include "cli/format.h"
#include "cli/models.h"

namespace luthier::cli {
namespace {

int print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return kExitSuccess;
}

std::pair<std::string, std::string> split(const std::string& reference) {
  const std::size_t at = reference.find('@');
  return {reference.substr(0, at), at == std::string::npos ? "" : reference.substr(at + 1)};
}

// NAME@VERSION, with a number: what is to be deleted must be said exactly.
Result<int> exact_version(const std::string& reference) {
  const std::string text = split(reference).second;
  int version = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), version);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
    return Error{ErrorCode::kInvalidArgument, "'" + reference + "' must name one version: NAME@3"};
  }
  return version;
}

Result<Json> history(const GlobalOptions& options, const std::string& reference) {
  const auto [name, alias] = split(reference);
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const Json model, api.get("/api/v1/models/" + segment(name)));
  Json moves = Json::array();
  for (const Json& move : model.value("alias_history", Json::array())) {
    if (alias.empty() || text_of(move, "alias") == alias) {
      moves.push_back(move);
    }
  }
  if (moves.empty() && !alias.empty() && !model.value("aliases", Json::object()).contains(alias)) {
    return Error{ErrorCode::kNotFound,
                 "model '" + name + "' has no alias '" + alias + "'; `luthier models list " + name + "` shows them"};
  }
  return Json{{"model", name}, {"aliases", model.value("aliases", Json::object())}, {"history", std::move(moves)}};
}

std::string verify_line(const Json& line) {
  std::string text = std::string(line.value("ok", false) ? "ok      " : "BROKEN  ") + printable(text_of(line, "link"));
  const std::string digest = text_of(line, "digest");
  if (!digest.empty()) {
    text += "  " + digest.substr(0, 19) + "…  " + text_of(line, "kind") + ", " + text_of(line, "files") +
            (line.value("files", 0) == 1 ? " file, " : " files, ") +
            format_bytes(line.value("bytes", std::uint64_t{0}));
  } else if (!text_of(line, "detail").empty()) {
    text += "  " + printable(text_of(line, "detail"));
  }
  const std::string problem = text_of(line, "problem");
  return text + (problem.empty() ? "" : "\n        " + printable(problem));
}

// The lines of the answer, printed as they come unless `json`.
Result<Json> verify(const GlobalOptions& options, const std::string& reference) {
  LUTHIER_TRY(ApiClient api, connect(options));
  LUTHIER_TRY(const Json version, find_version(api, reference));
  const std::string name = split(reference).first;
  Json links = Json::array();
  Json end;
  std::string rest;
  LUTHIER_TRY_VOID(api.stream(
      "GET", "/api/v1/models/" + segment(name) + "/versions/" + text_of(version, "version") + "/verify", Json(),
      [&](std::string_view bytes) {
        rest += bytes;
        for (std::size_t line_end = 0; (line_end = rest.find('\n')) != std::string::npos; rest.erase(0, line_end + 1)) {
          const Json line = Json::parse(rest.substr(0, line_end), nullptr, false);
          if (line.is_object() && line.contains("link")) {
            links.push_back(line);
            if (!options.json) {
              std::printf("%s\n", verify_line(line).c_str());
              std::fflush(stdout);
            }
          } else if (line.is_object() && line.contains("broken")) {
            end = line;
          }
        }
        return true;
      }));
  if (end.is_null()) {
    return Error{ErrorCode::kInternal, "the verification of " + reference + " was cut short; try again"};
  }
  return Json{{"model", name},
              {"version", version.value("version", Json())},
              {"ok", end.value("ok", false)},
              {"broken", end.value("broken", Json())},
              {"links", std::move(links)}};
}

}  // namespace

int history_command(const GlobalOptions& options, const std::string& reference) {
  const Result<Json> found = history(options, reference);
  if (!found) {
    return report(found.error());
  }
  if (options.json) {
    return print_json(*found);
  }
  std::vector<std::vector<std::string>> rows = {{"WHEN", "ALIAS", "FROM", "TO", "BY", "WHY"}};
  for (const Json& move : (*found)["history"]) {
    const std::string from = text_of(move, "from_version");
    rows.push_back({text_of(move, "at"), printable(text_of(move, "alias")), from == "0" ? "-" : from,
                    text_of(move, "to_version"), printable(text_of(move, "by")), printable(text_of(move, "reason"))});
  }
  std::printf("%s", rows.size() == 1 ? "no alias of this model has ever moved\n" : format_table(rows).c_str());
  return kExitSuccess;
}

int rollback_command(const GlobalOptions& options, const RollbackOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  // Compare-and-set: what the alias points at now, as this command sees it.
  const Result<Json> model = api->get("/api/v1/models/" + segment(given.model));
  if (!model) {
    return report(model.error());
  }
  Json body = Json::object();
  body["expected_version"] = model->value("aliases", Json::object()).value(given.alias, Json());
  if (given.to > 0) {
    body["to"] = given.to;
  }
  const Result<Json> moved =
      api->post("/api/v1/models/" + segment(given.model) + "/aliases/" + segment(given.alias) + "/rollback", body);
  if (!moved) {
    return report(moved.error());
  }
  if (options.json) {
    return print_json(*moved);
  }
  std::printf("%s@%s is version %s again, before it was %s\n", text_of(*moved, "model").c_str(),
              text_of(*moved, "alias").c_str(), text_of(*moved, "version").c_str(),
              text_of(*moved, "previous_version").c_str());
  return kExitSuccess;
}

int delete_command(const GlobalOptions& options, const std::string& reference) {
  const Result<int> version = exact_version(reference);
  Result<ApiClient> api = version ? connect(options) : Result<ApiClient>(version.error());
  if (!api) {
    return report(api.error());
  }
  const Result<Json> deleted =
      api->remove("/api/v1/models/" + segment(split(reference).first) + "/versions/" + std::to_string(*version));
  if (!deleted) {
    return report(deleted.error());
  }
  if (options.json) {
    return print_json(*deleted);
  }
  std::printf("%s is deleted; its number is not given again\n", printable(reference).c_str());
  return kExitSuccess;
}

int verify_command(const GlobalOptions& options, const std::string& reference) {
  const Result<Json> found = verify(options, reference);
  if (!found) {
    return report(found.error());
  }
  const bool ok = (*found)["ok"] == true;
  if (options.json) {
    print_json(*found);
  } else if (ok) {
    std::printf("all %zu links hold\n", (*found)["links"].size());
  } else {
    const auto broken = std::ranges::find_if((*found)["links"], [](const Json& link) { return link["ok"] == false; });
    std::printf("%s of %zu links %s broken, the first: %s\n", text_of(*found, "broken").c_str(),
                (*found)["links"].size(), (*found)["broken"] == 1 ? "is" : "are",
                broken == (*found)["links"].end() ? "" : printable(text_of(*broken, "link")).c_str());
  }
  return ok ? kExitSuccess : kExitFailure;
}

}  // namespace luthier::cli
