// The step cache: what the outputs of a step depend on, and what was made of the same before.
#include <algorithm>

#include "base/version.h"
#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

// Of each step type that is reused; goes up when the type gives other outputs for the same inputs.
const std::map<std::string, int>& versions() {
  static const std::map<std::string, int> table{{"prepare", 2}, {"pack", 1}, {"train", 2}, {"eval", 1}, {"run", 1}};
  return table;
}

bool is_model_value(const Json& value) { return value.is_object() && value.contains("base"); }

// A model enters by its weights: two names of the same weights are the same input.
Json by_digest(const Json& value) {
  if (!is_model_value(value)) {
    return value;
  }
  return Json{{"base", value["base"]}, {"adapter", value.value("adapter", Json())}};
}

bool wants_cache(const plan::Step& step) {
  return step.place == plan::Place::kAgent && versions().contains(step.uses) && !step.exclusive &&
         step.cache.value_or(step.uses != "run");
}

Json why_off(const plan::Step& step) {
  const bool by_type = !step.cache && !step.exclusive;
  return Json{{"off", by_type ? "a `" + step.uses + "` step is reused only where it says `cache: true`"
                              : (step.exclusive ? std::string("the step is exclusive: it has effects of its own")
                                                : std::string("`cache: false`"))}};
}

// What of the machine enters: the kinds of processors on offer and the number of threads decide the last bits of a
// training; the agent itself is not chosen yet.
Json environment(const State& state, const plan::Step& step) {
  Json environment{{"release", kVersion}};
  if (step.uses != "train") {
    return environment;
  }
  std::set<std::string> processors;
  for (const auto& [id, agent] : state.agents) {
    if (agent.status != AgentStatus::kLost) {
      processors.insert(agent.resources.cpu_model);
    }
  }
  environment["cpu_models"] = processors;
  environment["device"] = step.resources.gpus > 0 ? "cuda" : "cpu";
  environment["world_size"] = step.resources.nodes * std::max(1, step.resources.gpus);
  environment["cpus"] = step.resources.cpus;
  return environment;
}

Json inputs_by_digest(const Json& with) {
  Json inputs = Json::object();
  for (const auto& [name, value] : with.items()) {
    inputs[name] = by_digest(value);
  }
  return inputs;
}

Json components_of(const State& state, const plan::Step& step, const Json& with) {
  return Json{{"uses", step.uses},
              {"version", versions().at(step.uses)},
              {"with", inputs_by_digest(with)},
              {"environment", environment(state, step)}};
}

// A model that serves already was judged against what it replaced; that verdict still stands, and comparing the model
// with itself would give another.
const CachedOutputs* verdict_on_what_serves(const State& state, const Json& components) {
  const Json& with = components["with"];
  if (components["uses"] != "eval" || !with.contains("baseline") || with["baseline"].is_null() ||
      !with.contains("model") || with["baseline"] != with["model"]) {
    return nullptr;
  }
  Json wanted = components;
  wanted["with"].erase("baseline");
  const CachedOutputs* newest = nullptr;
  for (const auto& [key, entry] : state.cache) {
    Json found = entry.components;
    found["with"].erase("baseline");
    if (found == wanted && (newest == nullptr || entry.used > newest->used)) {
      newest = &entry;
    }
  }
  return newest;
}

const CachedOutputs* find(const State& state, const Json& components) {
  const auto found = state.cache.find(components.dump());
  return found == state.cache.end() ? verdict_on_what_serves(state, components) : &found->second;
}

// "with.data", "environment.cpus", …: what differs, with both values. One level below `with` and `environment`.
Json difference(const Json& before, const Json& now) {
  Json changed = Json::array();
  const auto compare = [&changed](const std::string& name, const Json& a, const Json& b) {
    if (a != b) {
      changed.push_back({{"component", name}, {"before", a}, {"now", b}});
    }
  };
  for (const char* name : {"uses", "version"}) {
    compare(name, before.value(name, Json()), now.value(name, Json()));
  }
  for (const char* group : {"with", "environment"}) {
    Json names = before[group];
    names.update(now[group]);
    for (const auto& [name, value] : names.items()) {
      compare(std::string(group) + "." + name, before[group].value(name, Json()), now[group].value(name, Json()));
    }
  }
  return changed;
}

// The same step of the same pipeline as it last ran; nullptr when it never did.
const CachedOutputs* newest_of(const State& state, const std::string& pipeline, const StepId& step) {
  const CachedOutputs* newest = nullptr;
  for (const auto& [key, entry] : state.cache) {
    if (entry.pipeline == pipeline && entry.step == step && (newest == nullptr || entry.used > newest->used)) {
      newest = &entry;
    }
  }
  return newest;
}

Json reference(const CachedOutputs& entry) { return {{"run", entry.run.value}, {"step", entry.step.value}}; }

}  // namespace

Json cache_outlook(const State& state, const std::string& pipeline, const plan::Step& step, const Json& with,
                   const std::vector<std::string>& open) {
  if (!wants_cache(step)) {
    return why_off(step);
  }
  const CachedOutputs* nearest = newest_of(state, pipeline, step.id);
  if (nearest == nullptr) {
    return Json::object();
  }
  Json changed = Json::array();
  for (Json& each : difference(nearest->components, components_of(state, step, with))) {
    const bool is_open = std::any_of(open.begin(), open.end(),
                                     [&each](const std::string& name) { return each["component"] == "with." + name; });
    if (!is_open) {
      changed.push_back(std::move(each));
    }
  }
  Json found{{"nearest", reference(*nearest)}};
  found["nearest"]["changed"] = std::move(changed);
  return found;
}

Json cache_lookup(const State& state, const std::string& pipeline, const plan::Step& step, const Json& with) {
  if (step.place != plan::Place::kAgent) {
    return Json();
  }
  if (!wants_cache(step)) {
    return why_off(step);
  }
  const Json components = components_of(state, step, with);
  Json found{{"components", components}};
  if (const CachedOutputs* hit = find(state, components)) {
    found["hit"] = reference(*hit);
    if (hit->components != components) {
      found["hit"]["components"] = hit->components;
    }
    return found;
  }
  if (const CachedOutputs* nearest = newest_of(state, pipeline, step.id)) {
    found["nearest"] = reference(*nearest);
    found["nearest"]["changed"] = difference(nearest->components, components);
  }
  return found;
}

bool same_inputs(const Json& one, const Json& other) { return inputs_by_digest(one) == inputs_by_digest(other); }

const CachedOutputs* cache_hit(const State& state, const Json& lookup) {
  if (!lookup.is_object() || !lookup.contains("hit")) {
    return nullptr;
  }
  const auto found = state.cache.find(lookup["hit"].value("components", lookup["components"]).dump());
  return found == state.cache.end() ? nullptr : &found->second;
}

}  // namespace luthier::core::internal
