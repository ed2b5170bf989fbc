#include <algorithm>
#include <charconv>

#include "controller/core/internal.h"

namespace luthier::core {
namespace {

using internal::did_you_mean;

std::vector<std::string> names_of(const auto& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) {
    names.push_back(name);
  }
  return names;
}

Error no_such_model(const State& state, const std::string& name) {
  const std::string hint = did_you_mean(name, names_of(state.models));
  return {ErrorCode::kNotFound,
          "there is no model '" + name + "'" + (hint.empty() ? "; `luthier models` lists them" : hint)};
}

Result<ResolvedModel> at_version(const std::string& name, const Model& model, int version) {
  const auto found = model.versions.find(version);
  if (found == model.versions.end()) {
    return Error{ErrorCode::kNotFound, "model '" + name + "' has no version " + std::to_string(version) +
                                           "; the newest is " + std::to_string(model.versions.rbegin()->first)};
  }
  return ResolvedModel{name, version, found->second.weights};
}

Result<ResolvedModel> at_alias(const std::string& name, const Model& model, const std::string& alias) {
  const auto found = model.aliases.find(alias);
  if (found == model.aliases.end()) {
    return Error{ErrorCode::kNotFound,
                 "model '" + name + "' has no alias '" + alias + "'" + did_you_mean(alias, names_of(model.aliases))};
  }
  return at_version(name, model, found->second);
}

}  // namespace

// A bare name means its alias "production" if it has one, else its newest version.
Result<ResolvedModel> resolve_model(const State& state, const std::string& reference, const std::string& own_model) {
  std::string name = reference;
  std::string selector;
  if (reference.starts_with("alias:")) {
    name = own_model;
    selector = reference.substr(6);
  } else if (const auto at = reference.find('@'); at != std::string::npos) {
    name = reference.substr(0, at);
    selector = reference.substr(at + 1);
  }
  if (name.empty() || (selector.empty() && name != reference)) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + reference + "' does not name a model: write NAME, NAME@ALIAS, NAME@VERSION or alias:ALIAS"};
  }
  const auto found = state.models.find(name);
  if (found == state.models.end()) {
    return no_such_model(state, name);
  }
  const Model& model = found->second;
  if (selector.empty()) {
    return model.aliases.contains("production") ? at_alias(name, model, "production")
                                                : at_version(name, model, model.versions.rbegin()->first);
  }
  int version = 0;
  const char* end = selector.data() + selector.size();
  const auto parsed = std::from_chars(selector.data(), end, version);
  if (parsed.ec == std::errc{} && parsed.ptr == end) {
    return at_version(name, model, version);
  }
  return at_alias(name, model, selector);
}

namespace internal {

int alias_version(const State& state, const std::string& model, const std::string& alias) {
  const auto found = state.models.find(model);
  if (found == state.models.end()) {
    return 0;
  }
  const auto target = found->second.aliases.find(alias);
  return target == found->second.aliases.end() ? 0 : target->second;
}

int register_weights(Turn& turn, ModelRegistered candidate) {
  int newest = 0;
  if (const auto found = turn.state.models.find(candidate.model); found != turn.state.models.end()) {
    for (const auto& [version, known] : found->second.versions) {
      if (known.weights == candidate.weights) {
        return version;
      }
      newest = version;
    }
  }
  candidate.version = newest + 1;
  Json payload{{"model", candidate.model}, {"version", candidate.version}, {"lineage", candidate.lineage}};
  turn.record(std::move(candidate));
  turn.publish("model.registered", std::move(payload));
  return newest + 1;
}

int move_alias(Turn& turn, AliasMoved move, const Json& more) {
  move.from_version = alias_version(turn.state, move.model, move.alias);
  if (move.from_version == move.to_version) {
    return move.from_version;
  }
  Json payload{{"model", move.model},
               {"alias", move.alias},
               {"version", move.to_version},
               {"previous_version", move.from_version == 0 ? Json() : Json(move.from_version)}};
  payload.update(more);
  const int from = move.from_version;
  const bool back = move.to_version < from;
  turn.record(std::move(move));
  turn.publish(back ? "model.rolled_back" : "model.promoted", std::move(payload));
  return from;
}

void on(Turn& turn, const RegisterModel& input) {
  if (input.model.empty() || input.weights.base.empty()) {
    return turn.refuse(input.request,
                       {ErrorCode::kInvalidArgument, "a model version needs a name and the digest of its weights"});
  }
  const int version = register_weights(
      turn,
      ModelRegistered{
          .model = input.model, .weights = input.weights, .lineage = input.lineage, .description = input.description});
  turn.reply(input.request, Json{{"model", input.model}, {"version", version}});
}

void on(Turn& turn, const MoveAlias& input) {
  const auto found = turn.state.models.find(input.model);
  if (found == turn.state.models.end()) {
    return turn.refuse(input.request, no_such_model(turn.state, input.model));
  }
  if (Result<ResolvedModel> target = at_version(input.model, found->second, input.to_version); !target) {
    return turn.refuse(input.request, target.error());
  }
  const int current = alias_version(turn.state, input.model, input.alias);
  if (input.expected_version && *input.expected_version != current) {
    return turn.refuse(input.request, {ErrorCode::kFailedPrecondition,
                                       "alias '" + input.alias + "' of '" + input.model + "' points at version " +
                                           std::to_string(current) + ", not " +
                                           std::to_string(*input.expected_version) + "; look again and decide anew"});
  }
  move_alias(turn,
             AliasMoved{.model = input.model,
                        .alias = input.alias,
                        .to_version = input.to_version,
                        .by = input.by,
                        .reason = "by hand"},
             Json{{"by", input.by}});
  turn.reply(input.request, Json{{"model", input.model},
                                 {"alias", input.alias},
                                 {"version", input.to_version},
                                 {"previous_version", current == 0 ? Json() : Json(current)}});
}

}  // namespace internal
}  // namespace luthier::core
