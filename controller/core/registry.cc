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

std::string version_of(const std::string& model, int version) {
  return "version " + std::to_string(version) + " of '" + model + "'";
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
  if (found == state.models.end() || found->second.versions.empty()) {
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

bool may_serve(const Model& model, int version, const std::string& alias) {
  const auto trail = model.trails.find(alias);
  return !model.versions.at(version).metrics.empty() ||
         (trail != model.trails.end() && std::ranges::find(trail->second, version) != trail->second.end());
}

int register_weights(Turn& turn, ModelRegistered candidate) {
  int newest = 0;
  if (const auto found = turn.state.models.find(candidate.model); found != turn.state.models.end()) {
    for (const auto& [version, known] : found->second.versions) {
      if (known.weights == candidate.weights) {
        return version;
      }
    }
    newest = found->second.newest;
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
  const bool back = move.rollback || move.to_version < from;
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

namespace {

// The model, when it has this version and the alias points where the caller last saw it.
Result<const Model*> find_to_move(const State& state, const std::string& name, const std::string& alias,
                                  const std::optional<int>& expected) {
  const auto found = state.models.find(name);
  if (found == state.models.end() || found->second.versions.empty()) {
    return no_such_model(state, name);
  }
  const int current = alias_version(state, name, alias);
  if (expected && *expected != current) {
    return Error{ErrorCode::kFailedPrecondition, "alias '" + alias + "' of '" + name + "' points at version " +
                                                     std::to_string(current) + ", not " + std::to_string(*expected) +
                                                     "; look again and decide anew"};
  }
  return &found->second;
}

void move_and_reply(Turn& turn, RequestId request, AliasMoved move) {
  const Json more{{"by", move.by}};
  Json answer{{"model", move.model}, {"alias", move.alias}, {"version", move.to_version}};
  const int before = move_alias(turn, std::move(move), more);
  answer["previous_version"] = before == 0 ? Json() : Json(before);
  turn.reply(request, std::move(answer));
}

// Where a rollback goes: the newest version before the present one in the trail, or the one that was asked for.
Result<int> rollback_target(const Model& model, const RollBackAlias& input, int current) {
  const auto trail = model.trails.find(input.alias);
  LUTHIER_CHECK(trail != model.trails.end());
  if (input.to_version) {
    if (const Result<ResolvedModel> there = at_version(input.model, model, *input.to_version); !there) {
      return there.error();
    }
    if (std::ranges::find(trail->second, *input.to_version) == trail->second.end()) {
      return Error{ErrorCode::kFailedPrecondition,
                   "alias '" + input.alias + "' has never pointed at " + version_of(input.model, *input.to_version) +
                       " (or that was rolled back); `luthier models alias` moves it there"};
    }
    return *input.to_version;
  }
  for (auto each = trail->second.rbegin(); each != trail->second.rend(); ++each) {
    if (*each != current) {
      return *each;
    }
  }
  return Error{ErrorCode::kFailedPrecondition, "alias '" + input.alias + "' of '" + input.model +
                                                   "' has pointed at nothing before version " +
                                                   std::to_string(current) + "; there is nothing to go back to"};
}

}  // namespace

void on(Turn& turn, const MoveAlias& input) {
  const Result<const Model*> model = find_to_move(turn.state, input.model, input.alias, input.expected_version);
  if (!model) {
    return turn.refuse(input.request, model.error());
  }
  if (const Result<ResolvedModel> target = at_version(input.model, **model, input.to_version); !target) {
    return turn.refuse(input.request, target.error());
  }
  const bool allowed = may_serve(**model, input.to_version, input.alias);
  if (!allowed && !input.force) {
    return turn.refuse(
        input.request,
        {ErrorCode::kFailedPrecondition,
         "nobody has evaluated " + version_of(input.model, input.to_version) + ", so alias '" + input.alias +
             "' does not move to it; evaluate it in a pipeline, or say --force (force: true), which "
             "the alias's history records"});
  }
  move_and_reply(turn, input.request,
                 AliasMoved{.model = input.model,
                            .alias = input.alias,
                            .to_version = input.to_version,
                            .by = input.by,
                            .reason = allowed ? "by hand" : "by hand, forced: not evaluated",
                            .forced = !allowed});
}

void on(Turn& turn, const RollBackAlias& input) {
  const Result<const Model*> model = find_to_move(turn.state, input.model, input.alias, input.expected_version);
  if (!model) {
    return turn.refuse(input.request, model.error());
  }
  const int current = alias_version(turn.state, input.model, input.alias);
  if (current == 0) {
    return turn.refuse(input.request,
                       {ErrorCode::kNotFound, "model '" + input.model + "' has no alias '" + input.alias + "'" +
                                                  did_you_mean(input.alias, names_of((*model)->aliases))});
  }
  const Result<int> target = rollback_target(**model, input, current);
  if (!target) {
    return turn.refuse(input.request, target.error());
  }
  if (*target == current) {
    return turn.refuse(input.request,
                       {ErrorCode::kFailedPrecondition,
                        "alias '" + input.alias + "' points at version " + std::to_string(current) + " already"});
  }
  move_and_reply(turn, input.request,
                 AliasMoved{.model = input.model,
                            .alias = input.alias,
                            .to_version = *target,
                            .by = input.by,
                            .reason = "rolled back from version " + std::to_string(current),
                            .rollback = true});
}

void on(Turn& turn, const DeleteModel& input) {
  const Result<const Model*> model = find_to_move(turn.state, input.model, "", {});
  if (!model) {
    return turn.refuse(input.request, model.error());
  }
  if (const Result<ResolvedModel> target = at_version(input.model, **model, input.version); !target) {
    return turn.refuse(input.request, target.error());
  }
  const Json owner = (*model)->versions.at(input.version).lineage.value("by", Json());
  if (!input.admin && owner != Json(input.by)) {
    return turn.refuse(input.request,
                       {ErrorCode::kPermissionDenied,
                        version_of(input.model, input.version) + " is " +
                            (owner.is_string() ? "'" + owner.get<std::string>() + "'s" : std::string("nobody's")) +
                            "; only its owner or a key of scope admin may delete it"});
  }
  for (const auto& [alias, version] : (*model)->aliases) {
    if (version == input.version) {
      return turn.refuse(input.request, {ErrorCode::kFailedPrecondition,
                                         "alias '" + alias + "' points at " + version_of(input.model, input.version) +
                                             "; move the alias first (`luthier models alias` or `rollback`)"});
    }
  }
  turn.record(ModelDeleted{input.model, input.version, input.by});
  turn.publish("model.deleted", Json{{"model", input.model}, {"version", input.version}, {"by", input.by}});
  turn.reply(input.request, Json{{"model", input.model}, {"version", input.version}});
}

}  // namespace internal
}  // namespace luthier::core
