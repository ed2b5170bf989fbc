#include "agents/link/telemetry_link.h"

#include <algorithm>

#include "agents/link/convert.h"

namespace luthier::agents {
namespace {

constexpr milliseconds kDeadline{10'000};
constexpr std::int64_t kProgressIntervalMs = 250;
constexpr int kFailuresMax = 20;
constexpr milliseconds kIdle{250};

}  // namespace

TelemetryLink::TelemetryLink(Session session, const Clock& clock, Log& log, std::function<void(Input)> post)
    : session_(std::move(session)),
      clock_(clock),
      log_(log),
      post_(std::move(post)),
      stub_(v1::TelemetryService::NewStub(open_channel(session_.controller))) {}

void TelemetryLink::start() {
  thread_ = std::thread([this] { run(); });
}

void TelemetryLink::stop() {
  stopping_.set();
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) {
    thread_.join();
  }
}

std::shared_ptr<TelemetryLink::Feed> TelemetryLink::find(const AttemptId& attempt) const {
  const auto found = feeds_.find(attempt);
  return found == feeds_.end() ? nullptr : found->second;
}

void TelemetryLink::follow(const AttemptId& attempt, const std::filesystem::path& attempt_folder) {
  {
    const std::lock_guard lock(mutex_);
    feeds_.emplace(attempt, std::make_shared<Feed>(attempt_folder));
  }
  changed_.notify_all();
}

void TelemetryLink::spool_grew(const AttemptId& attempt) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto feed = find(attempt)) {
      feed->grew = true;
    }
  }
  changed_.notify_all();
}

void TelemetryLink::progress(const AttemptId& attempt, const Json& newest) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto feed = find(attempt)) {
      feed->progress = newest;
    }
  }
  changed_.notify_all();
}

void TelemetryLink::flush(const AttemptId& attempt) {
  bool done = false;
  {
    const std::lock_guard lock(mutex_);
    const auto feed = find(attempt);
    done = feed == nullptr || feed->done;
    if (feed) {
      feed->flush = true;
    }
  }
  changed_.notify_all();
  if (done) {
    post_(TelemetryFlushed{attempt});
  }
}

void TelemetryLink::forget(const AttemptId& attempt) {
  const std::lock_guard lock(mutex_);
  feeds_.erase(attempt);
}

bool TelemetryLink::has_work(const Feed& feed) const {
  return !feed.done &&
         (feed.grew || feed.flush || (!feed.progress.is_null() && clock_.now().monotonic_ms >= feed.progress_due_ms));
}

std::pair<AttemptId, std::shared_ptr<TelemetryLink::Feed>> TelemetryLink::next(const AttemptId& last) {
  std::unique_lock lock(mutex_);
  while (!closed_) {
    auto at = feeds_.upper_bound(last);
    for (std::size_t looked = 0; looked < feeds_.size(); ++looked, ++at) {
      if (at == feeds_.end()) {
        at = feeds_.begin();
      }
      if (has_work(*at->second)) {
        return *at;
      }
    }
    changed_.wait_for(lock, kIdle);  // progress that was held back becomes due without a notice
  }
  return {};
}

void TelemetryLink::run() {
  Backoff backoff(std::hash<std::string>{}(session_.agent_id) + 1);
  AttemptId last;
  while (!stopping_.is_set()) {
    const auto [attempt, feed] = next(last);
    if (!feed) {
      return;
    }
    last = attempt;
    auto sent = send_some(attempt, *feed);
    if (sent) {
      feed->failures = 0;
      backoff.reset();
      continue;
    }
    give_up_if_hopeless(attempt, *feed, sent.error());
    if (stopping_.wait(backoff.next())) {
      return;
    }
  }
}

Result<void> TelemetryLink::send_some(const AttemptId& attempt, Feed& feed) {
  bool flush = false;
  {
    const std::lock_guard lock(mutex_);
    feed.grew = false;
    flush = feed.flush;
  }
  Result<bool> log = send_log(attempt, feed, flush);
  Result<bool> metrics = feed.refused ? Result<bool>(false) : send_metrics(attempt, feed);
  Result<void> progress = feed.refused || flush ? Result<void>() : send_progress(attempt, feed);
  const bool failed = !log || !metrics || !progress;
  if (failed || *log || *metrics) {
    const std::lock_guard lock(mutex_);
    feed.grew = true;  // there is more
  } else if (feed.refused || flush) {
    finish(attempt, feed);
  }
  if (failed) {
    return !log ? std::move(log).error() : !metrics ? std::move(metrics).error() : std::move(progress).error();
  }
  return {};
}

// Returns whether there is more to send.
Result<bool> TelemetryLink::send_log(const AttemptId& attempt, Feed& feed, bool flush) {
  if (feed.log_ended) {
    return false;
  }
  v1::AppendLogRequest request;
  *request.mutable_attempt() = to_proto(attempt);
  request.set_offset(feed.log_offset);
  if (feed.log_opened) {
    request.set_data(feed.reader.read_log(feed.log_offset));
    // Only at the true end of a file that will not grow: the controller's log must be whole.
    const std::uint64_t behind = feed.log_offset + request.data().size();
    request.set_end(flush && (request.data().empty() || feed.reader.read_log(behind).empty()));
    if (request.data().empty() && !request.end()) {
      return false;
    }
  }
  Call call(session_, kDeadline, stopping_);
  v1::AppendLogResponse response;
  if (const grpc::Status status = stub_->AppendLog(call.context(), request, &response); !status.ok()) {
    return to_error(status);
  }
  if (response.refused()) {
    feed.refused = true;
    return false;
  }
  const std::uint64_t sent_to = feed.log_offset + request.data().size();
  feed.log_ended = request.end() && response.next_offset() >= sent_to;
  feed.log_opened = true;
  feed.log_offset = response.next_offset();
  return !feed.log_ended;
}

Result<bool> TelemetryLink::send_metrics(const AttemptId& attempt, Feed& feed) {
  const MetricPiece piece = feed.reader.read_metrics(feed.messages_offset);
  if (!piece.points.empty()) {
    v1::AppendMetricsRequest request;
    *request.mutable_attempt() = to_proto(attempt);
    const std::int64_t wall_ms = clock_.now().wall_ms;
    for (const MetricPiece::Point& point : piece.points) {
      v1::MetricPoint& out = *request.add_points();
      out.set_series(point.series);
      out.set_step(point.step);
      out.set_value(point.value);
      out.set_wall_ms(wall_ms);
    }
    Call call(session_, kDeadline, stopping_);
    v1::AppendMetricsResponse response;
    if (const grpc::Status status = stub_->AppendMetrics(call.context(), request, &response); !status.ok()) {
      return to_error(status);
    }
    feed.refused = feed.refused || response.refused();
  }
  const bool moved = piece.next_offset > feed.messages_offset;
  feed.messages_offset = piece.next_offset;
  return moved && !feed.refused;
}

Result<void> TelemetryLink::send_progress(const AttemptId& attempt, Feed& feed) {
  Json progress;
  {
    const std::lock_guard lock(mutex_);
    if (clock_.now().monotonic_ms < feed.progress_due_ms) {
      return {};
    }
    progress = std::exchange(feed.progress, Json());
    feed.progress_due_ms = clock_.now().monotonic_ms + kProgressIntervalMs;
  }
  if (progress.is_null()) {
    return {};
  }
  v1::ReportProgressRequest request;
  *request.mutable_attempt() = to_proto(attempt);
  request.set_progress_json(progress.dump(-1, ' ', false, Json::error_handler_t::replace));
  Call call(session_, kDeadline, stopping_);
  v1::ReportProgressResponse response;
  const grpc::Status status = stub_->ReportProgress(call.context(), request, &response);
  return status.ok() ? Result<void>() : Result<void>(to_error(status));
}

void TelemetryLink::give_up_if_hopeless(const AttemptId& attempt, Feed& feed, const Error& error) {
  if (stopping_.is_set()) {
    return;
  }
  if (feed.failures == 0) {
    log_.warning("telemetry_delayed", {{"attempt", to_string(attempt)}, {"why", error.message}});
  }
  if (is_outage(error)) {
    feed.failures = std::max(feed.failures, 1);
    return;
  }
  // An attempt must be able to end even if the controller cannot keep its log.
  if (++feed.failures >= kFailuresMax) {
    log_.error("telemetry_given_up", {{"attempt", to_string(attempt)}, {"why", error.message}});
    finish(attempt, feed);
  }
}

void TelemetryLink::finish(const AttemptId& attempt, Feed& feed) {
  bool wanted = false;
  {
    const std::lock_guard lock(mutex_);
    feed.done = true;
    wanted = feed.flush;
  }
  if (wanted) {
    post_(TelemetryFlushed{attempt});
  }
}

}  // namespace luthier::agents
