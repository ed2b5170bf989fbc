// `luthier deployments`: models that are served, or were, newest first.
#include <cstdio>

#include "cli/api_client.h"
#include "cli/connection.h"
#include "cli/format.h"
#include "cli/runs.h"

namespace luthier::cli {
namespace {

std::string state_of(const Json& deployment) {
  if (const std::string stopped = text_of(deployment, "stopped_at"); !stopped.empty()) {
    return "stopped " + stopped + " (" + text_of(deployment, "stop_reason") + ")";
  }
  const Json attempts = deployment.value("attempts", Json::array());
  return attempts.empty() ? "waiting" : text_of(attempts.back(), "status");
}

// Why the newest attempt ended, if it did and nobody wanted it to.
std::string trouble_of(const Json& deployment) {
  const Json attempts = deployment.value("attempts", Json::array());
  return attempts.empty() || text_of(attempts.back(), "status") == "stopped"
             ? ""
             : text_of(attempts.back(), "error_message");
}

}  // namespace

int deployments_command(const GlobalOptions& options, const DeploymentsOptions& given) {
  Result<ApiClient> api = connect(options);
  if (!api) {
    return report(api.error());
  }
  const Result<Json> answer = api->get("/api/v1/deployments?limit=" + std::to_string(given.limit));
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    std::printf("%s\n", answer->dump(2, ' ', false, Json::error_handler_t::replace).c_str());
    return kExitSuccess;
  }
  const Json list = answer->value("deployments", Json::array());
  if (list.empty()) {
    std::printf("no model has been served yet; `luthier chat MODEL` asks for one\n");
    return kExitSuccess;
  }
  std::vector<std::vector<std::string>> rows{{"DEPLOYMENT", "MODEL", "REQUESTED", "ATTEMPTS", "AGENT", "STATUS", ""}};
  for (const Json& each : list) {
    const Json attempts = each.value("attempts", Json::array());
    rows.push_back({text_of(each, "id"), text_of(each, "model"), text_of(each, "requested_at"),
                    std::to_string(attempts.size()), attempts.empty() ? "" : agents_of(attempts.back()), state_of(each),
                    trouble_of(each)});
  }
  std::printf("%s\nthe log of the newest: luthier logs %s\n", format_table(rows).c_str(),
              text_of(list.front(), "id").c_str());
  return kExitSuccess;
}

}  // namespace luthier::cli
