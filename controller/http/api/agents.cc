// Agents: who is there, and what people want of them.
#include "controller/http/api/api.h"

namespace luthier::http::api {
namespace {

using store::Scope;

constexpr std::int64_t kDeadlineSecondsMax = 30 * 86'400;

Result<Response> list_agents(Services& services) {
  LUTHIER_TRY(const Json agents, services.context.store.list_agents());
  return json_response(agents);
}

// `input` without its request id; answers with what the machine says.
template <class Input>
void ask(Services& services, Input input, const Reply& reply) {
  services.context.runtime.call(
      [input = std::move(input)](core::RequestId id) mutable {
        input.request = id;
        return core::Input(std::move(input));
      },
      [reply](Result<Json> done) { reply(done ? json_response(*done) : error_response(done.error())); });
}

void note(Services& services, const Request& request, const char* what) {
  services.context.log.info(what, {{"agent", request.parameter("agent")}, {"by", request.principal.name}});
}

void cordon(Services& services, const Request& request, bool cordoned, const Reply& reply) {
  note(services, request, cordoned ? "agent_cordon_asked" : "agent_uncordon_asked");
  ask(services,
      core::CordonAgent{.agent = request.parameter("agent"), .cordoned = cordoned, .by = request.principal.name},
      reply);
}

Result<core::DrainAgent> read_drain(const Request& request) {
  core::DrainAgent input{.agent = request.parameter("agent"), .by = request.principal.name};
  if (!request.body.empty()) {
    LUTHIER_TRY(const Json body, json_body(request));
    LUTHIER_TRY(const std::int64_t seconds, optional_integer(body, "deadline_seconds", 0, 0, kDeadlineSecondsMax));
    input.deadline = milliseconds(seconds * 1'000);
  }
  return input;
}

void drain(Services& services, const Request& request, const Reply& reply) {
  Result<core::DrainAgent> input = read_drain(request);
  if (!input) {
    return reply(error_response(input.error()));
  }
  note(services, request, "agent_drain_asked");
  ask(services, std::move(*input), reply);
}

void forget(Services& services, const Request& request, const Reply& reply) {
  note(services, request, "agent_forget_asked");
  ask(services, core::ForgetAgent{.agent = request.parameter("agent"), .by = request.principal.name}, reply);
}

}  // namespace

void add_agent_routes(Router& router, Services& services) {
  router.add({.method = "GET",
              .pattern = "/api/v1/agents",
              .scope = Scope::kViewer,
              .handle = at_once([&services](const Request&) { return list_agents(services); })});
  const auto add = [&](const char* method, const char* pattern, void (*act)(Services&, const Request&, const Reply&)) {
    router.add(
        {.method = method,
         .pattern = pattern,
         .scope = Scope::kAdmin,
         .handle = [&services, act](const Request& request, const Reply& reply) { act(services, request, reply); }});
  };
  add("POST", "/api/v1/agents/{agent}/cordon",
      [](Services& to, const Request& request, const Reply& reply) { cordon(to, request, true, reply); });
  add("POST", "/api/v1/agents/{agent}/uncordon",
      [](Services& to, const Request& request, const Reply& reply) { cordon(to, request, false, reply); });
  add("POST", "/api/v1/agents/{agent}/drain", drain);
  add("DELETE", "/api/v1/agents/{agent}", forget);
}

}  // namespace luthier::http::api
