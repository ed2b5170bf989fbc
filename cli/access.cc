#include "cli/access.h"

#include <cstdio>

#include "cli/api_client.h"
#include "cli/format.h"

namespace luthier::cli {
namespace {

// Prints the answer as JSON, or hands it to `print`; the exit code either way.
template <class Print>
int show(const GlobalOptions& options, const Result<Json>& answer, Print print) {
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    std::printf("%s\n", answer->dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  } else {
    print(*answer);
  }
  return kExitSuccess;
}

template <class Ask>
Result<Json> ask(const GlobalOptions& options, Ask request) {
  LUTHIER_TRY(ApiClient api, connect(options));
  return request(api);
}

}  // namespace

int list_keys_command(const GlobalOptions& options) {
  return show(options, ask(options, [](ApiClient& api) { return api.get("/api/v1/keys"); }), [](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {{"KEY", "NAME", "SCOPE"}};
    for (const Json& key : answer.value("keys", Json::array())) {
      rows.push_back({text_of(key, "id"), text_of(key, "name"), text_of(key, "scope")});
    }
    std::printf("%s", format_table(rows).c_str());
  });
}

int create_key_command(const GlobalOptions& options, const std::string& name, const std::string& scope) {
  const auto request = [&](ApiClient& api) { return api.post("/api/v1/keys", {{"name", name}, {"scope", scope}}); };
  return show(options, ask(options, request), [](const Json& key) {
    std::printf("%s\n", text_of(key, "key").c_str());
    std::fprintf(stderr, "key '%s' (%s); it is shown this once\n", text_of(key, "name").c_str(),
                 text_of(key, "scope").c_str());
  });
}

int revoke_key_command(const GlobalOptions& options, const std::string& id) {
  const auto request = [&](ApiClient& api) { return api.remove("/api/v1/keys/" + segment(id)); };
  return show(options, ask(options, request),
              [](const Json& key) { std::printf("key %s is revoked\n", text_of(key, "id").c_str()); });
}

int audit_command(const GlobalOptions& options, const AuditOptions& audit) {
  const std::string path = "/api/v1/audit?limit=" + std::to_string(audit.limit) +
                           (audit.before == 0 ? "" : "&before=" + std::to_string(audit.before));
  return show(options, ask(options, [&](ApiClient& api) { return api.get(path); }), [](const Json& answer) {
    std::vector<std::vector<std::string>> rows = {{"ENTRY", "AT", "BY", "ACTION", "TARGET", "STATUS"}};
    for (const Json& entry : answer.value("entries", Json::array())) {
      rows.push_back({text_of(entry, "id"), text_of(entry, "at"), text_of(entry, "by"), text_of(entry, "action"),
                      cut(text_of(entry, "target"), 80), text_of(entry, "status")});
    }
    std::printf("%s", rows.size() == 1 ? "nothing has been changed yet\n" : format_table(rows).c_str());
    if (const std::string next = text_of(answer, "next"); !next.empty()) {
      std::printf("older ones: luthier audit --before %s\n", next.c_str());
    }
  });
}

}  // namespace luthier::cli
