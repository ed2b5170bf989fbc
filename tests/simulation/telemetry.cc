#include "tests/simulation/telemetry.h"

#include "tests/simulation/world.h"

namespace luthier::simulation {

bool Telemetry::is_newest(const AttemptId& attempt) const {
  const auto newest = newest_.find({attempt.run, attempt.step});
  return newest != newest_.end() && newest->second == attempt.number;
}

Telemetry::Appended Telemetry::append_log(const AttemptId& attempt, std::uint64_t offset, const std::string& bytes,
                                          bool end) {
  if (!is_newest(attempt) && !world_.mutator.is(Mutation::kStaleTelemetry)) {
    return {.refused = true};
  }
  Log& log = logs_[attempt];
  if (world_.mutator.is(Mutation::kLogOffsetIgnored)) {
    log.bytes += bytes;
  } else if (offset <= log.bytes.size() && offset + bytes.size() > log.bytes.size()) {
    log.bytes += bytes.substr(log.bytes.size() - offset);  // bytes below the end are there already
  }
  log.complete = log.complete || (end && offset + bytes.size() == log.bytes.size());
  if (!is_newest(attempt)) {
    world_.violate("invariant 8: log bytes of superseded attempt " + to_string(attempt) + " were taken");
  }
  check_log(attempt, log);
  return {.next_offset = log.bytes.size()};
}

bool Telemetry::append_metric(const AttemptId& attempt, std::int64_t global_step) {
  if (!is_newest(attempt) && !world_.mutator.is(Mutation::kStaleTelemetry)) {
    return false;
  }
  metrics_.emplace(std::pair{Key{attempt.run, attempt.step}, global_step}, attempt);  // the first write wins
  if (!is_newest(attempt)) {
    world_.violate("invariant 8: metrics of superseded attempt " + to_string(attempt) + " were taken");
  }
  return true;
}

void Telemetry::check_log(const AttemptId& attempt, const Log& log) {
  const std::string& truth = written_[attempt];
  if (log.bytes.size() > truth.size() || truth.compare(0, log.bytes.size(), log.bytes) != 0) {
    world_.violate("invariant 8: the log of " + to_string(attempt) + " is not what its process wrote");
  } else if (log.complete && log.bytes.size() != truth.size()) {
    world_.violate("invariant 8: the log of " + to_string(attempt) + " counts as complete, but has a gap");
  }
}

void Telemetry::on_event(const core::Event& event) {
  if (const auto* assigned = std::get_if<core::AttemptAssigned>(&event)) {
    newest_[{assigned->attempt.run, assigned->attempt.step}] = assigned->attempt.number;
  } else if (const auto* done = std::get_if<core::RankFinished>(&event)) {
    if (logs_[done->attempt].bytes != written_[done->attempt]) {
      world_.violate("invariant 8: " + to_string(done->attempt) + " ended before its log was complete");
    }
  } else if (const auto* ended = std::get_if<core::AttemptEnded>(&event)) {
    // An agent reports an end only when the controller has the whole log.
    const bool reported = ended->outcome != core::Outcome::kStopped && ended->error_code != "agent_lost" &&
                          ended->error_code != "agent_restarted";
    const Log& log = logs_[ended->attempt];
    if (reported && log.bytes != written_[ended->attempt]) {
      world_.violate("invariant 8: " + to_string(ended->attempt) + " ended before its log was complete");
    }
  }
}

}  // namespace luthier::simulation
