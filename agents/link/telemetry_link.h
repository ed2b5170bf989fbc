// TelemetryLink: sends what the spools hold (log, metrics) and the newest progress to the controller, from one thread
// on a channel of its own, one call at a time, attempts in turn. Goes on for ever through outages: what waits lies on
// disk. The controller says where its log of an attempt ends, and sending goes on there; metrics are sent again from
// the start after a restart of the agent, which the store ignores.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "agents/link/session.h"
#include "agents/link/spool_reader.h"
#include "agents/run/telemetry_sink.h"
#include "base/log.h"
#include "luthier/v1/telemetry.grpc.pb.h"

namespace luthier::agents {

class TelemetryLink final : public TelemetrySink {
 public:
  TelemetryLink(Session session, const Clock& clock, Log& log, std::function<void(Input)> post);
  ~TelemetryLink() override { stop(); }

  void start();
  void stop();  // safe to call twice

  void follow(const AttemptId& attempt, const std::filesystem::path& attempt_folder) override;
  void spool_grew(const AttemptId& attempt) override;
  void progress(const AttemptId& attempt, const Json& newest) override;
  void flush(const AttemptId& attempt) override;
  void forget(const AttemptId& attempt) override;

 private:
  struct Feed {
    explicit Feed(std::filesystem::path folder) : reader(std::move(folder)) {}
    const SpoolReader reader;
    // Of the sending thread:
    std::uint64_t log_offset = 0;
    std::uint64_t messages_offset = 0;
    bool log_opened = false;  // the controller has said where its log ends
    bool log_ended = false;   // and that it is complete
    bool refused = false;
    int failures = 0;  // in a row, that no outage explains
    // Guarded by mutex_:
    bool grew = true;
    bool flush = false;
    bool done = false;  // flushed, or refused: nothing more to send
    Json progress;      // not sent yet, or null
    std::int64_t progress_due_ms = 0;
  };
  using Feeds = std::map<AttemptId, std::shared_ptr<Feed>>;

  void run();
  // The next attempt after `last` that has something to send, or nothing.
  [[nodiscard]] std::pair<AttemptId, std::shared_ptr<Feed>> next(const AttemptId& last);
  [[nodiscard]] bool has_work(const Feed& feed) const;
  // One round for one attempt: a piece of log, a piece of metrics, the progress.
  [[nodiscard]] Result<void> send_some(const AttemptId& attempt, Feed& feed);
  [[nodiscard]] Result<bool> send_log(const AttemptId& attempt, Feed& feed, bool flush);
  [[nodiscard]] Result<bool> send_metrics(const AttemptId& attempt, Feed& feed);
  [[nodiscard]] Result<void> send_progress(const AttemptId& attempt, Feed& feed);
  void give_up_if_hopeless(const AttemptId& attempt, Feed& feed, const Error& error);
  void finish(const AttemptId& attempt, Feed& feed);
  [[nodiscard]] std::shared_ptr<Feed> find(const AttemptId& attempt) const;

  const Session session_;
  const Clock& clock_;
  Log& log_;
  const std::function<void(Input)> post_;
  const std::unique_ptr<v1::TelemetryService::Stub> stub_;
  Cancel stopping_;
  mutable std::mutex mutex_;  // guards feeds_ and parts of each feed
  std::condition_variable changed_;
  bool closed_ = false;
  Feeds feeds_;
  std::thread thread_;
};

}  // namespace luthier::agents
