#include "pipelines/plan/plan.h"

#include <functional>

#include "pipelines/spec/check_value.h"
#include "pipelines/spec/declaration.h"

namespace luthier::plan {
namespace {

// Reads members of one JSON object; remembers the first that is missing or of the wrong type.
class Members {
 public:
  Members(const Json& object, std::string where) : object_(object), where_(std::move(where)) {}

  template <class T>
  void read(const char* key, T& value, bool (Json::*is_type)() const noexcept) {
    const auto found = object_.is_object() ? object_.find(key) : object_.end();
    if (!object_.is_object() || found == object_.end()) {
      fail(key, "is missing");
    } else if (!((*found).*is_type)()) {
      fail(key, "has the wrong type");
    } else if constexpr (std::is_same_v<T, milliseconds>) {
      value = milliseconds{found->template get<std::int64_t>()};
    } else {
      value = found->template get<T>();
    }
  }
  void text(const char* key, std::string& value) { read(key, value, &Json::is_string); }
  void integer(const char* key, int& value) { read(key, value, &Json::is_number_integer); }
  void duration(const char* key, milliseconds& value) { read(key, value, &Json::is_number_integer); }
  void boolean(const char* key, bool& value) { read(key, value, &Json::is_boolean); }
  void object(const char* key, Json& value) { read(key, value, &Json::is_object); }
  // Members that plans of older journals lack.
  [[nodiscard]] bool has(const char* key) const { return object_.is_object() && object_.contains(key); }

  void fail(const char* key, const std::string& what) {
    if (error_.empty()) {
      error_ = where_ + "." + key + " " + what;
    }
  }
  [[nodiscard]] const std::string& error() const { return error_; }

 private:
  const Json& object_;
  const std::string where_;
  std::string error_;
};

Json step_to_json(const Step& step) {
  Json needs = Json::array();
  for (const StepId& need : step.needs) {
    needs.push_back(need.value);
  }
  Json json{{"id", step.id.value},
            {"name", step.name},
            {"uses", step.uses},
            {"place", step.place == Place::kAgent ? "agent" : "controller"},
            {"with", step.with},
            {"condition", step.condition},
            {"needs", std::move(needs)},
            {"resources",
             {{"nodes", step.resources.nodes},
              {"gpus", step.resources.gpus},
              {"cpus", step.resources.cpus},
              {"memory_bytes", step.resources.memory_bytes}}},
            {"retry",
             {{"infrastructure", step.retry.infrastructure},
              {"preemption", step.retry.preemption},
              {"user", step.retry.user},
              {"backoff_min_ms", step.retry.backoff_min.count()},
              {"backoff_max_ms", step.retry.backoff_max.count()}}},
            {"timeout_ms", step.timeout.count()},
            {"priority", step.priority},
            {"exclusive", step.exclusive},
            {"matrix", step.matrix},
            {"line", step.line}};
  if (!step.resources.labels.empty()) {
    json["resources"]["labels"] = step.resources.labels;
  }
  if (step.max_parallel > 0) {
    json["max_parallel"] = step.max_parallel;
  }
  if (step.cache) {
    json["cache"] = *step.cache;
  }
  return json;
}

void read_labels(const Json& json, std::map<std::string, std::string>& labels, Members& members) {
  if (!json.is_object()) {
    return members.fail("labels", "has the wrong type");
  }
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) {
      return members.fail("labels", "has the wrong type");
    }
    labels[name] = value.get<std::string>();
  }
}

// Members that plans of older journals lack.
void read_later_members(Members& members, Step& step) {
  if (members.has("max_parallel")) {
    members.integer("max_parallel", step.max_parallel);
  }
  if (members.has("cache")) {
    bool cache = false;
    members.boolean("cache", cache);
    step.cache = cache;
  }
}

Result<Step> step_from_json(const Json& json, const std::string& where) {
  Step step;
  Members members(json, where);
  std::string place;
  Json needs;
  Json resources;
  Json retry;
  members.text("id", step.id.value);
  members.text("name", step.name);
  members.text("uses", step.uses);
  members.text("place", place);
  members.object("with", step.with);
  members.text("condition", step.condition);
  members.read("needs", needs, &Json::is_array);
  members.object("resources", resources);
  members.object("retry", retry);
  members.duration("timeout_ms", step.timeout);
  members.integer("priority", step.priority);
  members.boolean("exclusive", step.exclusive);
  members.object("matrix", step.matrix);
  members.integer("line", step.line);
  read_later_members(members, step);
  if (place != "agent" && place != "controller") {
    members.fail("place", "must be \"agent\" or \"controller\"");
  }
  step.place = place == "agent" ? Place::kAgent : Place::kController;
  for (const Json& need : needs) {
    if (need.is_string()) {
      step.needs.push_back(StepId{need.get<std::string>()});
    } else {
      members.fail("needs", "has the wrong type");
    }
  }
  Members resource_members(resources, where + ".resources");
  resource_members.integer("nodes", step.resources.nodes);
  resource_members.integer("gpus", step.resources.gpus);
  resource_members.read("cpus", step.resources.cpus, &Json::is_number);
  resource_members.read("memory_bytes", step.resources.memory_bytes, &Json::is_number_integer);
  if (resource_members.has("labels")) {
    read_labels(resources["labels"], step.resources.labels, resource_members);
  }
  Members retry_members(retry, where + ".retry");
  retry_members.integer("infrastructure", step.retry.infrastructure);
  if (retry.contains("preemption")) {  // plans of older journals lack it
    retry_members.integer("preemption", step.retry.preemption);
  }
  retry_members.integer("user", step.retry.user);
  retry_members.duration("backoff_min_ms", step.retry.backoff_min);
  retry_members.duration("backoff_max_ms", step.retry.backoff_max);
  for (const Members* part : {&members, &resource_members, &retry_members}) {
    if (!part->error().empty()) {
      return Error{ErrorCode::kInvalidArgument, part->error()};
    }
  }
  return step;
}

}  // namespace

Json to_json(const Plan& plan) {
  Json steps = Json::array();
  for (const Step& step : plan.steps) {
    steps.push_back(step_to_json(step));
  }
  Json json{{"pipeline", plan.pipeline}, {"params", plan.params}, {"steps", std::move(steps)}};
  if (!plan.commit.empty()) {
    json["commit"] = plan.commit;
  }
  return json;
}

Result<Plan> plan_from_json(const Json& json) {
  Plan plan;
  Json steps;
  Members members(json, "plan");
  members.text("pipeline", plan.pipeline);
  members.object("params", plan.params);
  members.read("steps", steps, &Json::is_array);
  if (members.has("commit")) {
    members.text("commit", plan.commit);
  }
  if (!members.error().empty()) {
    return Error{ErrorCode::kInvalidArgument, members.error()};
  }
  for (std::size_t i = 0; i < steps.size(); ++i) {
    LUTHIER_TRY(Step step, step_from_json(steps[i], "plan.steps[" + std::to_string(i) + "]"));
    plan.steps.push_back(std::move(step));
  }
  return plan;
}

Result<void> check_inputs(const std::string& uses, Json& with) {
  const spec::StepType* type = spec::find_step_type(uses);
  std::string problem = type == nullptr ? "" : spec::check_resolved(with, type->inputs);
  if (!problem.empty()) {
    return Error{ErrorCode::kInvalidArgument, std::move(problem)};
  }
  return {};
}

std::vector<std::string> model_inputs(const std::string& uses) {
  std::vector<std::string> keys;
  if (const spec::StepType* type = spec::find_step_type(uses)) {
    for (const spec::Field& field : type->inputs.fields) {
      if (field.shape.kind == spec::Kind::kModel) {
        keys.push_back(field.key);
      }
    }
  }
  return keys;
}

}  // namespace luthier::plan
