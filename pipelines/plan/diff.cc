#include "pipelines/plan/diff.h"

#include <algorithm>
#include <set>

#include "base/check.h"

namespace luthier::plan {
namespace {

using Values = std::map<std::string, Json>;

// Leaves by the path to them. An artifact and a list are leaves: they change as a whole.
void flatten(const std::string& name, const Json& value, Values& values) {
  if (!value.is_object() || value.empty() || value.contains("$artifact")) {
    values[name] = value;
    return;
  }
  for (const auto& [key, inner] : value.items()) {
    flatten(name + "." + key, inner, values);
  }
}

// What the step's outputs depend on.
Values components(const Step& step) {
  Values values{{"uses", step.uses}, {"if", step.condition}};
  for (const auto& [key, inner] : step.with.items()) {
    flatten("with." + key, inner, values);
  }
  for (const auto& [key, inner] : step.matrix.items()) {
    flatten("matrix." + key, inner, values);
  }
  if (step.uses == "train") {  // decide the last bits of what it gives
    values["resources.cpus"] = step.resources.cpus;
    values["resources.gpus"] = step.resources.gpus;
    values["resources.nodes"] = step.resources.nodes;
  }
  return values;
}

// All else that a file says of it.
Values settings(const Step& step) {
  Values values{{"retry.infrastructure", step.retry.infrastructure},
                {"retry.preemption", step.retry.preemption},
                {"retry.user", step.retry.user},
                {"retry.backoff_min_ms", step.retry.backoff_min.count()},
                {"retry.backoff_max_ms", step.retry.backoff_max.count()},
                {"timeout_ms", step.timeout.count()},
                {"priority", step.priority},
                {"exclusive", step.exclusive},
                {"cache", step.cache ? Json(*step.cache) : Json()},
                {"resources.memory_bytes", step.resources.memory_bytes},
                {"resources.labels", step.resources.labels}};
  if (step.uses != "train") {
    values["resources.cpus"] = step.resources.cpus;
    values["resources.gpus"] = step.resources.gpus;
    values["resources.nodes"] = step.resources.nodes;
  }
  Json needs = Json::array();
  for (const StepId& need : step.needs) {
    needs.push_back(need.value);
  }
  values["needs"] = std::move(needs);
  return values;
}

std::vector<Change> compare(const Values& before, const Values& now) {
  std::vector<Change> changes;
  std::set<std::string> names;
  for (const auto* side : {&before, &now}) {
    for (const auto& [name, value] : *side) {
      names.insert(name);
    }
  }
  for (const std::string& name : names) {
    const auto old_value = before.find(name);
    const auto new_value = now.find(name);
    Change change{name, old_value == before.end() ? Json() : old_value->second,
                  new_value == now.end() ? Json() : new_value->second};
    if (change.before != change.now) {
      changes.push_back(std::move(change));
    }
  }
  return changes;
}

// Only what both sides know.
void compare_facts(const DiffSide& a, const DiffSide& b, StepDiff& found) {
  const auto before = a.facts.find(found.step);
  const auto now = b.facts.find(found.step);
  if (before == a.facts.end() || now == b.facts.end()) {
    return;
  }
  for (const auto& [name, value] : now->second) {
    const auto old_value = before->second.find(name);
    if (old_value != before->second.end() && old_value->second != value) {
      found.changes.push_back({name, old_value->second, value});
    }
  }
}

StepDiff compare_step(const DiffSide& a, const DiffSide& b, const Step* before, const Step& now,
                      const std::set<StepId>& again) {
  StepDiff found{.step = now.id};
  std::copy_if(now.needs.begin(), now.needs.end(), std::back_inserter(found.after),
               [&again](const StepId& need) { return again.contains(need); });
  if (before == nullptr) {
    found.kind = StepDiff::Kind::kAdded;
    return found;
  }
  found.changes = compare(components(*before), components(now));
  compare_facts(a, b, found);
  if (!found.changes.empty()) {
    found.kind = StepDiff::Kind::kChanged;
  } else if (!found.after.empty()) {
    found.kind = StepDiff::Kind::kUpstream;
  } else {
    found.changes = compare(settings(*before), settings(now));
    found.kind = found.changes.empty() ? StepDiff::Kind::kUnchanged : StepDiff::Kind::kSettings;
  }
  return found;
}

}  // namespace

std::string to_string(StepDiff::Kind kind) {
  switch (kind) {
    case StepDiff::Kind::kUnchanged: return "unchanged";
    case StepDiff::Kind::kChanged: return "changed";
    case StepDiff::Kind::kUpstream: return "upstream";
    case StepDiff::Kind::kSettings: return "settings";
    case StepDiff::Kind::kAdded: return "added";
    case StepDiff::Kind::kRemoved: return "removed";
  }
  LUTHIER_CHECK(false);
}

std::vector<StepDiff> diff(const DiffSide& a, const DiffSide& b) {
  std::map<StepId, const Step*> before;
  for (const Step& step : a.plan.steps) {
    before[step.id] = &step;
  }
  std::vector<StepDiff> all;
  std::set<StepId> again;
  std::set<StepId> there;
  for (const Step& step : b.plan.steps) {  // needs come first
    const auto found = before.find(step.id);
    all.push_back(compare_step(a, b, found == before.end() ? nullptr : found->second, step, again));
    there.insert(step.id);
    if (all.back().runs_again()) {
      again.insert(step.id);
    }
  }
  for (const Step& step : a.plan.steps) {
    if (!there.contains(step.id)) {
      all.push_back({.step = step.id, .kind = StepDiff::Kind::kRemoved, .changes = {}, .after = {}});
    }
  }
  return all;
}

std::vector<Change> diff_params(const Plan& a, const Plan& b) {
  const auto values = [](const Plan& plan) {
    Values found;
    for (const auto& [name, value] : plan.params.items()) {
      found[name] = value;
    }
    return found;
  };
  return compare(values(a), values(b));
}

}  // namespace luthier::plan
