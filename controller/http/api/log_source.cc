#include "controller/http/api/log_source.h"

#include <algorithm>

namespace luthier::http::api {
namespace {

constexpr std::uint64_t kSliceBytes = 256 * 1024;
// How long the tail of a log may take to arrive after its step is over, its agent being alive.
constexpr std::int64_t kSettleMs = 15'000;

bool step_is_over(const Json& step) {
  const std::string status = step.value("status", "");
  return status == "succeeded" || status == "failed" || status == "cancelled" || status == "skipped";
}

const Json* find_attempt(const Json& step, std::int32_t number) {
  for (const Json& attempt : step.at("attempts")) {
    if (attempt.value("number", 0) == number) {
      return &attempt;
    }
  }
  return nullptr;
}

bool lost_by_infrastructure(const Json& attempt) {
  return attempt.value("status", "") == core::to_string(core::Outcome::kInfrastructureFailure);
}

// The agent that ran this rank of the attempt.
std::string agent_of(const Json& attempt, std::int32_t rank) {
  for (const Json& one : attempt.value("ranks", Json::array())) {
    if (one.value("rank", 0) == rank) {
      return one.value("agent", "");
    }
  }
  return attempt.value("agent", "");
}

std::string gap_line(const Json& attempt, std::int32_t rank) {
  return "[luthier: the rest of attempt " + std::to_string(attempt.value("number", 0)) + "'s log was lost with agent " +
         agent_of(attempt, rank) + "]\n";
}

}  // namespace

LogSource::LogSource(Services& services, Wanted wanted)
    : services_(services),
      wanted_(std::move(wanted)),
      number_(wanted_.attempt.value_or(1)),
      skip_bytes_(wanted_.skip_bytes) {}

BodySource::Piece LogSource::pull() {
  Piece piece;
  while (true) {
    const Progress progress = read_some(piece.bytes);
    drop_skipped(piece.bytes);
    switch (progress) {
      case Progress::kBytes:
        if (!piece.bytes.empty()) {
          return piece;
        }
        break;
      case Progress::kNextAttempt:
        ++number_;
        offset_ = 0;
        silent_since_ms_.reset();
        if (!piece.bytes.empty()) {
          return piece;
        }
        break;
      case Progress::kWait: piece.retry_after = services_.options.log_poll_interval; return piece;
      case Progress::kEnd: piece.end = true; return piece;
      case Progress::kBroken: piece.broken = true; return piece;
    }
  }
}

LogSource::Progress LogSource::read_some(std::string& bytes) {
  // The step is read before the log: what was over then has its last bytes in the log already, or never.
  const Result<Json> step = find_step(services_.context.store, wanted_.run, wanted_.step);
  if (!step) {
    return Progress::kBroken;
  }
  const AttemptId id{RunId{wanted_.run}, StepId{wanted_.step}, number_, wanted_.rank};
  auto slice = services_.context.store.read_log(id, offset_, kSliceBytes);
  if (!slice && slice.error().code != ErrorCode::kNotFound) {
    return Progress::kBroken;
  }
  if (slice && !slice->bytes.empty()) {
    bytes = std::move(slice->bytes);
    offset_ = slice->next_offset;
    silent_since_ms_.reset();
    return Progress::kBytes;
  }
  return at_log_end(*step, find_attempt(*step, number_), slice && slice->complete, bytes);
}

LogSource::Progress LogSource::at_log_end(const Json& step, const Json* attempt, bool complete, std::string& bytes) {
  const bool superseded = find_attempt(step, number_ + 1) != nullptr;
  const Progress next = wanted_.attempt ? Progress::kEnd : Progress::kNextAttempt;
  if (attempt != nullptr && superseded) {
    if (!complete && lost_by_infrastructure(*attempt)) {
      bytes = gap_line(*attempt, wanted_.rank);
    }
    return next;
  }
  if (!wanted_.follow || (step_is_over(step) && (complete || attempt == nullptr))) {
    if (attempt != nullptr && !complete && lost_by_infrastructure(*attempt) &&
        agent_is_lost(agent_of(*attempt, wanted_.rank))) {
      bytes = gap_line(*attempt, wanted_.rank);
    }
    return Progress::kEnd;
  }
  if (complete && wanted_.attempt) {
    return Progress::kEnd;
  }
  if (step_is_over(step)) {
    return unfinished_log(*attempt, bytes);
  }
  return Progress::kWait;
}

// The step is over and no attempt follows, but the log is not complete: its tail may still be on the way.
LogSource::Progress LogSource::unfinished_log(const Json& attempt, std::string& bytes) {
  if (lost_by_infrastructure(attempt) && agent_is_lost(agent_of(attempt, wanted_.rank))) {
    bytes = gap_line(attempt, wanted_.rank);
    return Progress::kEnd;
  }
  return settled() ? Progress::kEnd : Progress::kWait;
}

bool LogSource::agent_is_lost(const std::string& agent) const {
  const Result<Json> agents = services_.context.store.list_agents();
  if (!agents) {
    return false;
  }
  for (const Json& candidate : agents->at("agents")) {
    if (candidate.value("id", "") == agent) {
      return candidate.value("status", "") == "lost";
    }
  }
  return true;
}

bool LogSource::settled() {
  const std::int64_t now_ms = services_.context.clock.now().monotonic_ms;
  if (!silent_since_ms_) {
    silent_since_ms_ = now_ms;
  }
  return now_ms - *silent_since_ms_ >= kSettleMs;
}

void LogSource::drop_skipped(std::string& bytes) {
  const std::uint64_t dropped = std::min<std::uint64_t>(skip_bytes_, bytes.size());
  bytes.erase(0, static_cast<std::size_t>(dropped));
  skip_bytes_ -= dropped;
}

}  // namespace luthier::http::api
