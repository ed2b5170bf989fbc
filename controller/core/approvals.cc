// Steps of type approve: a person decides them.
#include <algorithm>

#include "controller/core/internal.h"

namespace luthier::core::internal {
namespace {

constexpr std::size_t kCommentBytesMax = 4096;

std::vector<std::string> approvers_of(const Json& with) {
  std::vector<std::string> names;
  const Json list = with.is_object() ? with.value("approvers", Json()) : Json();
  for (const Json& name : list.is_array() ? list : Json::array()) {
    if (name.is_string()) {
      names.push_back(name.get<std::string>());
    }
  }
  return names;
}

// Why nobody can decide it now.
Error not_waiting(const Turn& turn, const DecideApproval& input, const plan::Step& step, const LiveStep& live) {
  const std::string name = "step '" + input.step.value + "' of " + input.run.value;
  if (step.uses != "approve") {
    return {ErrorCode::kFailedPrecondition, name + " is of type '" + step.uses + "'; only approve steps are approved"};
  }
  if (live.status == StepStatus::kSucceeded) {
    return {ErrorCode::kFailedPrecondition, name + " was approved already, by " + live.outputs.value("by", "")};
  }
  if (is_terminal(live.status)) {
    return {ErrorCode::kFailedPrecondition,
            name + " is over: " + to_string(live.status) + (live.reason.empty() ? "" : " (" + live.reason + ")")};
  }
  return {ErrorCode::kFailedPrecondition,
          name + " does not wait for a person yet: it " + waiting_reason(turn.state, input.run, input.step, turn.now)};
}

// Nobody may decide when the names are unclear: what stands there instead; empty when they are clear.
std::string unclear_approvers(const Json& with) {
  const Json list = with.is_object() ? with.value("approvers", Json()) : Json();
  const bool clear = list.is_null() || (list.is_array() && !list.empty() && approvers_of(with).size() == list.size());
  return clear ? "" : list.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 200);
}

Result<void> check_decision(const Turn& turn, const DecideApproval& input) {
  if (!turn.state.runs.contains(input.run)) {
    return no_such_run(turn.state, input.run.value, "decide");
  }
  const plan::Step* step = find_plan_step(turn.state, input.run, input.step);
  if (step == nullptr) {
    return Error{ErrorCode::kNotFound, "run '" + input.run.value + "' has no step '" + input.step.value + "'"};
  }
  const LiveStep& live = *find_step(turn.state, input.run, input.step);
  if (!waits_for_approval(*step, live)) {
    return not_waiting(turn, input, *step, live);
  }
  const std::vector<std::string> names = approvers_of(live.with);
  if (!names.empty() && std::find(names.begin(), names.end(), input.by) == names.end()) {
    return Error{ErrorCode::kPermissionDenied, "'" + input.by + "' may not decide step '" + input.step.value +
                                                   "': it waits for " + join(names, " or ")};
  }
  if (input.comment.size() > kCommentBytesMax) {
    return Error{ErrorCode::kInvalidArgument, "the comment is longer than 4096 bytes"};
  }
  return {};
}

}  // namespace

bool waits_for_approval(const plan::Step& step, const LiveStep& live) {
  return step.uses == "approve" && live.status == StepStatus::kReady;
}

std::string approval_reason(const RunId& run, const plan::Step& step, const LiveStep& live) {
  const std::vector<std::string> names = approvers_of(live.with);
  std::string text = "waits for the approval of " + (names.empty() ? "a person" : join(names, " or "));
  if (step.timeout.count() > 0) {
    text += ", until " + format_utc(live.waits_since_wall_ms + step.timeout.count());
  }
  const std::string arguments = run.value + " " + step.id.value;
  return text + ": luthier approve " + arguments + ", or luthier reject " + arguments;
}

void request_approval(Turn& turn, const RunId& run, const plan::Step& step, const Json& with) {
  if (const std::string unclear = unclear_approvers(with); !unclear.empty()) {
    return fail_step(turn, run, step.id, "invalid_input",
                     "`with.approvers` must be a list of names of API keys, not " + unclear);
  }
  Json more{{"message", with.value("message", Json())}, {"approvers", with.value("approvers", Json::array())}};
  if (step.timeout.count() > 0) {
    more["until_ms"] = turn.now.wall_ms + step.timeout.count();
  }
  publish_step(turn, "approval.requested", run, step.id, more);
}

void on(Turn& turn, const DecideApproval& input) {
  if (Result<void> allowed = check_decision(turn, input); !allowed) {
    return turn.refuse(input.request, std::move(allowed).error());
  }
  turn.record(ApprovalDecided{input.run, input.step, input.approved, input.by, input.comment});
  publish_step(turn, "approval.decided", input.run, input.step,
               Json{{"approved", input.approved}, {"by", input.by}, {"comment", input.comment}});
  turn.reply(input.request, Json{{"run", input.run.value}, {"step", input.step.value}});
  if (input.approved) {
    return succeed_step(turn, input.run, input.step,
                        Json{{"approved", true}, {"by", input.by}, {"comment", input.comment}});
  }
  fail_step(turn, input.run, input.step, "rejected",
            "rejected by " + input.by + (input.comment.empty() ? "" : ": " + input.comment));
}

void end_overdue_approvals(Turn& turn) {
  for (const ReadyKey& key : turn.state.queue.approvals_until(turn.now.wall_ms)) {
    const plan::Step& step = turn.state.runs.at(key.run).plan.steps.at(key.position);
    fail_step(turn, key.run, step.id, "timeout",
              "nobody approved it within " + std::to_string(step.timeout.count() / 1000) + " s");
  }
}

}  // namespace luthier::core::internal
