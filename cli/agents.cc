#include "cli/agents.h"

#include <cstdio>
#include <thread>

#include "cli/api_client.h"
#include "cli/format.h"
#include "pipelines/spec/duration.h"

namespace luthier::cli {
namespace {

constexpr std::chrono::milliseconds kPollInterval(500);

int print_json(const Json& json) {
  std::printf("%s\n", json.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
  return kExitSuccess;
}

std::string resources_text(const Json& resources) {
  const bool has_cpus = resources.is_object() && resources.contains("cpus") && resources["cpus"].is_number();
  std::string text = has_cpus ? format_number(resources["cpus"].get<double>()) + " CPU" : "";
  if (resources.is_object() && resources.contains("memory_bytes") && resources["memory_bytes"].is_number_unsigned()) {
    text += ", " + format_bytes(resources["memory_bytes"].get<std::uint64_t>());
  }
  const Json gpus = resources.is_object() ? resources.value("gpus", Json::array()) : Json::array();
  if (!gpus.empty()) {
    text += ", " + std::to_string(gpus.size()) + " × " + text_of(gpus.front(), "name");
  }
  return text;
}

std::string labels_text(const Json& agent) {
  std::string text;
  const Json labels = agent.value("labels", Json::object());
  for (const auto& [key, value] : labels.items()) {
    text += (text.empty() ? "" : ", ") + printable(key) + "=" +
            (value.is_string() ? printable(value.get<std::string>()) : "");
  }
  return text;
}

// What the agent is, and what people want of it: "connected, draining".
std::string status_text(const Json& agent) {
  std::string text = text_of(agent, "status");
  const std::string drain = text_of(agent, "drain");
  if (drain == "draining" || drain == "drained") {
    text += ", " + drain;
  }
  return agent.value("cordoned", false) ? text + ", cordoned" : text;
}

Result<Json> post(const GlobalOptions& options, const std::string& path, const Json& body) {
  LUTHIER_TRY(ApiClient api, connect(options));
  return api.post(path, body);
}

Result<std::int64_t> seconds_of(const std::string& what, const std::string& text) {
  auto duration = spec::parse_duration(text);
  if (!duration || duration->count() < 1'000) {
    return Error{ErrorCode::kInvalidArgument,
                 what + " '" + text + "' must be a duration of a second or more, such as 10m"};
  }
  return duration->count() / 1'000;
}

// Until nothing runs on the agent.
Result<Json> await_drained(const GlobalOptions& options, const Json& asked) {
  LUTHIER_TRY(ApiClient api, connect(options));
  const std::string id = text_of(asked, "agent");
  while (true) {
    LUTHIER_TRY(const Json answer, api.get("/api/v1/agents"));
    const Json all = answer.value("agents", Json::array());
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Json& agent) { return text_of(agent, "id") == id; });
    if (found == all.end() || text_of(*found, "drain") == "no") {
      return Error{ErrorCode::kFailedPrecondition, "the drain of " + id + " was called off"};
    }
    if (text_of(*found, "drain") == "drained") {
      return *found;
    }
    std::this_thread::sleep_for(kPollInterval);
  }
}

}  // namespace

int agents_command(const GlobalOptions& options) {
  Result<ApiClient> api = connect(options);
  const Result<Json> answer = api ? api->get("/api/v1/agents") : Result<Json>(api.error());
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    return print_json(*answer);
  }
  std::vector<std::vector<std::string>> rows = {{"AGENT", "NAME", "STATUS", "OFFERS", "LABELS", "RUNS"}};
  for (const Json& agent : answer->value("agents", Json::array())) {
    std::string attempts;
    for (const Json& attempt : agent.value("attempts", Json::array())) {
      attempts += (attempts.empty() ? "" : ", ") + (attempt.is_string() ? printable(attempt.get<std::string>()) : "");
    }
    rows.push_back({text_of(agent, "id"), text_of(agent, "name"), status_text(agent),
                    resources_text(agent.value("resources", Json())), labels_text(agent), attempts});
  }
  std::printf("%s", rows.size() == 1 ? "no agents yet\n" : format_table(rows).c_str());
  return kExitSuccess;
}

int cordon_command(const GlobalOptions& options, const std::string& agent, bool cordoned) {
  const Result<Json> done =
      post(options, "/api/v1/agents/" + segment(agent) + (cordoned ? "/cordon" : "/uncordon"), Json::object());
  if (!done) {
    return report(done.error());
  }
  if (options.json) {
    return print_json(*done);
  }
  std::printf("%s %s\n", text_of(*done, "agent").c_str(),
              cordoned ? "is cordoned: it is given no new work, and what it runs goes on" : "may be given work");
  return kExitSuccess;
}

int drain_command(const GlobalOptions& options, const std::string& agent, const DrainOptions& drain) {
  Json body = Json::object();
  if (!drain.deadline.empty()) {
    const Result<std::int64_t> seconds = seconds_of("--deadline", drain.deadline);
    if (!seconds) {
      return report(seconds.error());
    }
    body["deadline_seconds"] = *seconds;
  }
  Result<Json> done = post(options, "/api/v1/agents/" + segment(agent) + "/drain", body);
  if (done && drain.wait && text_of(*done, "drain") != "drained") {
    if (!options.json) {
      std::printf("%s is draining: it is given no new work, and holds %s\n", text_of(*done, "agent").c_str(),
                  text_of(*done, "attempts").c_str());
      std::fflush(stdout);
    }
    done = await_drained(options, *done);
  }
  if (!done) {
    return report(done.error());
  }
  if (options.json) {
    return print_json(*done);
  }
  const std::string id = text_of(*done, done->contains("agent") ? "agent" : "id");
  const bool over = text_of(*done, "drain") == "drained";
  std::printf("%s %s\n", id.c_str(), over ? "is drained: nothing runs there, and it may be stopped" : "is draining");
  return kExitSuccess;
}

int forget_command(const GlobalOptions& options, const std::string& agent) {
  Result<ApiClient> api = connect(options);
  const Result<Json> done = api ? api->remove("/api/v1/agents/" + segment(agent)) : Result<Json>(api.error());
  if (!done) {
    return report(done.error());
  }
  if (options.json) {
    return print_json(*done);
  }
  std::printf("%s is forgotten; its credential is void\n", text_of(*done, "agent").c_str());
  return kExitSuccess;
}

int join_token_command(const GlobalOptions& options, const JoinTokenOptions& given) {
  const Result<std::int64_t> seconds = seconds_of("--expires", given.expires);
  if (!seconds) {
    return report(seconds.error());
  }
  const Result<Json> made = post(options, "/api/v1/join-tokens", {{"uses", given.uses}, {"expires_seconds", *seconds}});
  if (!made) {
    return report(made.error());
  }
  if (options.json) {
    return print_json(*made);
  }
  std::fprintf(stderr, "%s admits %d, until %s; put it into a file for luthier-agent --join-token-file\n",
               text_of(*made, "id").c_str(), given.uses, text_of(*made, "expires_at").c_str());
  std::printf("%s\n", text_of(*made, "token").c_str());
  return kExitSuccess;
}

int join_tokens_command(const GlobalOptions& options) {
  Result<ApiClient> api = connect(options);
  const Result<Json> answer = api ? api->get("/api/v1/join-tokens") : Result<Json>(api.error());
  if (!answer) {
    return report(answer.error());
  }
  if (options.json) {
    return print_json(*answer);
  }
  std::vector<std::vector<std::string>> rows = {{"TOKEN", "USES LEFT", "EXPIRES"}};
  for (const Json& token : answer->value("join_tokens", Json::array())) {
    rows.push_back({text_of(token, "id"), text_of(token, "uses_left"), text_of(token, "expires_at")});
  }
  std::printf("%s", rows.size() == 1 ? "no join tokens\n" : format_table(rows).c_str());
  return kExitSuccess;
}

int revoke_join_token_command(const GlobalOptions& options, const std::string& id) {
  Result<ApiClient> api = connect(options);
  const Result<Json> done = api ? api->remove("/api/v1/join-tokens/" + segment(id)) : Result<Json>(api.error());
  if (!done) {
    return report(done.error());
  }
  if (options.json) {
    return print_json(*done);
  }
  std::printf("%s is revoked; agents that joined with it stay\n", text_of(*done, "id").c_str());
  return kExitSuccess;
}

}  // namespace luthier::cli
