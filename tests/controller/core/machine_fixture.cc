#include "tests/controller/core/machine_fixture.h"

namespace luthier::core::testing {
namespace {

std::string subject(const Json& body) {
  if (body.contains("attempt") && body["attempt"].is_object()) {
    const Json& attempt = body["attempt"];
    return " " + attempt["run"].get<std::string>() + "/" + attempt["step"].get<std::string>() + "/" +
           std::to_string(attempt["number"].get<int>()) +
           (attempt["rank"] == 0 ? "" : "#" + std::to_string(attempt["rank"].get<int>()));
  }
  for (const char* key : {"step", "run", "agent", "deployment", "model"}) {
    if (body.contains(key)) {
      return " " + body[key].get<std::string>();
    }
  }
  return "";
}

std::string describe_command(const AgentCommand& command) {
  struct Describe {
    std::string operator()(const StartAttempt& c) const { return "start " + to_string(c.attempt); }
    std::string operator()(const StopAttempt& c) const {
      const char* reasons[] = {"cancelled", "superseded", "timed_out", "unknown", "idle", "preempted"};
      return std::string("stop ") + to_string(c.attempt) + " " + reasons[static_cast<int>(c.reason)];
    }
    std::string operator()(const Acknowledge& c) const {
      const char* reports[] = {"started", "checkpoint", "finished", "released"};
      return std::string("acknowledge ") + reports[static_cast<int>(c.report)] + " " + to_string(c.attempt);
    }
  };
  return std::visit(Describe{}, command);
}

}  // namespace

std::string describe(const Effect& effect, std::int64_t start_wall_ms) {
  if (const auto* journal = std::get_if<Journal>(&effect)) {
    return "journal " + event_name(journal->event) + subject(event_to_json(journal->event));
  }
  if (const auto* send = std::get_if<SendToAgent>(&effect)) {
    return "send " + send->agent.value + " " + describe_command(send->command);
  }
  if (const auto* reply = std::get_if<Reply>(&effect)) {
    return "reply " + std::to_string(reply->request) + (reply->ok ? " ok" : " error");
  }
  if (const auto* publish = std::get_if<Publish>(&effect)) {
    return "publish " + publish->name + subject(Json{{"step", publish->payload.value("step", "")}});
  }
  if (const auto* welcome = std::get_if<Welcome>(&effect)) {
    return "welcome " + welcome->agent.value;
  }
  return "wake " + std::to_string(std::get<WakeAt>(effect).wall_ms - start_wall_ms);
}

plan::Step agent_step(const std::string& id, const std::string& uses, const std::vector<std::string>& needs) {
  plan::Step step;
  step.id = StepId{id};
  step.name = id;
  step.uses = uses;
  for (const std::string& need : needs) {
    step.needs.push_back(StepId{need});
  }
  return step;
}

plan::Step controller_step(const std::string& uses, const std::vector<std::string>& needs, Json with) {
  plan::Step step = agent_step(uses, uses, needs);
  step.place = plan::Place::kController;
  step.with = std::move(with);
  return step;
}

Json artifact_json(const std::string& digest, const std::string& kind) {
  return Json{{"$artifact", digest}, {"kind", kind}};
}

Json model_json(const std::string& base, const std::string& adapter) {
  return Json{{"base", artifact_json(base, "model")},
              {"adapter", adapter.empty() ? Json() : artifact_json(adapter, "adapter")},
              {"name", nullptr}};
}

MachineFixture::MachineFixture() { feed(Boot{.epoch = 1, .seed = 42}); }

// Compares members too, so that one that fields.h forgot is found.
void check_snapshot(const State& state) {
  Result<State> restored = state_from_json(Json::parse(state_to_json(state).dump()));
  ASSERT_TRUE(restored.has_value()) << restored.error().message;
  restored->options = state.options;
  EXPECT_EQ(hash(*restored), hash(state));
  EXPECT_TRUE(*restored == state);
}

MachineFixture::~MachineFixture() {
  EXPECT_THAT(checker_.violations(), ::testing::IsEmpty());
  State replayed;
  for (const auto& [event, at] : journal_) {
    Result<Event> read = event_from_json(event_name(event), event_to_json(event));
    EXPECT_TRUE(read.has_value());
    apply(replayed, *read, at);
  }
  EXPECT_EQ(hash(replayed), hash(state_));
  check_snapshot(state_);
}

Lines MachineFixture::feed(const Input& input) {
  effects_ = step(state_, input, now_);
  Lines lines;
  for (const Effect& effect : effects_) {
    if (const auto* journal = std::get_if<Journal>(&effect)) {
      journal_.emplace_back(journal->event, now_);
      checker_.on_event(journal->event);
    }
    lines.push_back(describe(effect, kStartMs));
  }
  checker_.on_state(state_);
  return lines;
}

Lines MachineFixture::connect(const std::string& agent, int gpus, std::vector<HeldAttempt> held,
                              const std::string& boot_id) {
  AgentResources resources{.cpus = 2, .memory_bytes = 8ULL << 30};
  resources.rendezvous_host = agent;
  resources.rendezvous_port_first = 29'500;
  resources.rendezvous_port_last = 29'501;
  for (int i = 0; i < gpus; ++i) {
    resources.gpus.push_back({.index = i});
  }
  Lines lines = feed(AgentConnected{AgentId{agent}, "node " + agent, boot_id, resources, std::move(held)});
  EXPECT_EQ(lines.at(0), "welcome " + agent);  // always, and before any command
  lines.erase(lines.begin());
  return lines;
}

Lines MachineFixture::submit(std::vector<plan::Step> steps, const std::string& pipeline) {
  plan::Plan plan;
  plan.pipeline = pipeline;
  plan.steps = std::move(steps);
  run_ = "r-" + std::to_string(state_.next_run);
  return feed(SubmitRun{.request = 7, .plan = std::move(plan), .submitted_by = "someone"});
}

AttemptId MachineFixture::attempt(const std::string& step, int number) const {
  return {RunId{run_}, StepId{step}, number};
}

Lines MachineFixture::start(const std::string& step, int number, const std::string& agent) {
  return feed(AttemptStartedReport{attempt(step, number), AgentId{agent}, 100});
}

Lines MachineFixture::finish(const std::string& step, Json outputs, int number, const std::string& agent) {
  return feed(
      AttemptFinishedReport{.attempt = attempt(step, number), .agent = AgentId{agent}, .outputs = std::move(outputs)});
}

Lines MachineFixture::fail(const std::string& step, Outcome outcome, int number, const std::string& agent) {
  return feed(AttemptFinishedReport{.attempt = attempt(step, number),
                                    .agent = AgentId{agent},
                                    .outcome = outcome,
                                    .exit_code = 1,
                                    .error_code = "code",
                                    .error_message = "it broke"});
}

Lines MachineFixture::release(const std::string& step, int number, const std::string& agent) {
  return feed(AllocationReleasedReport{attempt(step, number), AgentId{agent}});
}

Lines MachineFixture::offer(const std::string& step, std::int64_t at, int number, const std::string& agent) {
  const std::string digest = "c" + std::to_string(at);
  return feed(CheckpointOfferedReport{
      attempt(step, number),
      AgentId{agent},
      {at, digest, digest + "w", "adapter", {{"full_valid_loss", 10.0 / static_cast<double>(at)}}}});
}

void MachineFixture::advance(std::int64_t by_ms) {
  now_.wall_ms += by_ms;
  now_.monotonic_ms += by_ms;
}

const LiveStep& MachineFixture::live(const std::string& step) const {
  const LiveStep* found = find_step(state_, RunId{run_}, StepId{step});
  LUTHIER_CHECK(found != nullptr);
  return *found;
}

std::string MachineFixture::reason(const std::string& step) const {
  return waiting_reason(state_, RunId{run_}, StepId{step}, now_);
}

}  // namespace luthier::core::testing
