// FaultyStore: a Store whose Nth commit fails, for tests of what stands on a store. Everything else is the store's it
// wraps (borrowed).
#pragma once

#include "controller/store/store.h"

namespace luthier::store {

class FaultyStore final : public Store {
 public:
  enum class Fault {
    kNotWritten,        // nothing was stored, as with a full disk
    kWrittenUnanswered  // stored, but the caller hears of a failure, as with a connection that broke
  };

  // Commit number `failing_commit` (from 1) and all after it fail.
  FaultyStore(Store& store, int failing_commit, Fault fault)
      : store_(store), commits_left_(failing_commit - 1), fault_(fault) {}

  Result<void> commit(Batch& batch) override {
    if (commits_left_ > 0) {
      --commits_left_;
      return store_.commit(batch);
    }
    if (fault_ == Fault::kWrittenUnanswered) {
      LUTHIER_TRY_VOID(store_.commit(batch));
      fault_ = Fault::kNotWritten;
    }
    return Error{ErrorCode::kInternal, "luthier.db: COMMIT: the test asked for this failure"};
  }

  Result<std::uint64_t> acquire_epoch() override { return store_.acquire_epoch(); }
  Result<void> replay_after(std::uint64_t after, const ReplayFunction& each) override {
    return store_.replay_after(after, each);
  }
  Result<void> save_snapshot(const std::string& state, Now now) override { return store_.save_snapshot(state, now); }
  Result<Snapshot> newest_snapshot(std::uint64_t index_max, std::vector<std::string>& broken) override {
    return store_.newest_snapshot(index_max, broken);
  }
  Result<std::uint64_t> archive_records(std::int64_t keep_from_wall_ms) override {
    return store_.archive_records(keep_from_wall_ms);
  }
  Result<std::set<std::string>> live_digests(std::int64_t keep_from_wall_ms) override {
    return store_.live_digests(keep_from_wall_ms);
  }
  std::vector<std::string> findings() const override { return store_.findings(); }
  Result<std::uint64_t> prune_telemetry(std::int64_t keep_from_wall_ms, std::uint64_t bytes_max) override {
    return store_.prune_telemetry(keep_from_wall_ms, bytes_max);
  }
  std::uint64_t numbers_lost() const override { return store_.numbers_lost(); }
  Result<void> check_writable(std::int64_t wall_ms) override { return store_.check_writable(wall_ms); }
  Result<Json> list_runs(int limit, const std::string& before_run, const RunsFilter& filter) override {
    return store_.list_runs(limit, before_run, filter);
  }
  Result<Json> get_run(const std::string& run) override { return store_.get_run(run); }
  Result<core::RunSubmitted> get_submission(const std::string& run) override { return store_.get_submission(run); }
  Result<Json> list_deployments(int limit) override { return store_.list_deployments(limit); }
  Result<Json> get_deployment(const std::string& deployment) override { return store_.get_deployment(deployment); }
  Result<Json> list_agents() override { return store_.list_agents(); }
  Result<Json> list_models() override { return store_.list_models(); }
  Result<Json> get_model(const std::string& model) override { return store_.get_model(model); }
  Result<std::vector<OutboxRow>> events_after(std::uint64_t sequence, int limit, const std::string& run) override {
    return store_.events_after(sequence, limit, run);
  }
  Result<void> add_key(const std::string& secret, const Principal& principal) override {
    return store_.add_key(secret, principal);
  }
  Result<Principal> authenticate(const std::string& secret) override { return store_.authenticate(secret); }
  Result<bool> has_admin_key() override { return store_.has_admin_key(); }
  Result<void> add_join_token(const std::string& secret, int uses, std::int64_t expires_wall_ms) override {
    return store_.add_join_token(secret, uses, expires_wall_ms);
  }
  Result<Json> list_join_tokens(std::int64_t wall_ms) override { return store_.list_join_tokens(wall_ms); }
  Result<void> revoke_join_token(const std::string& id) override { return store_.revoke_join_token(id); }
  Result<std::string> join(const std::string& token, const std::string& credential, const std::string& name,
                           std::int64_t wall_ms) override {
    return store_.join(token, credential, name, wall_ms);
  }
  Result<std::uint64_t> append_log(const AttemptId& attempt, std::uint64_t offset, std::string_view bytes,
                                   bool end) override {
    return store_.append_log(attempt, offset, bytes, end);
  }
  Result<LogSlice> read_log(const AttemptId& attempt, std::uint64_t offset, std::uint64_t bytes_max) override {
    return store_.read_log(attempt, offset, bytes_max);
  }
  Result<void> append_metrics(const AttemptId& attempt, const std::vector<MetricPoint>& points) override {
    return store_.append_metrics(attempt, points);
  }
  Result<std::vector<MetricPoint>> read_metrics(const RunId& run, const StepId& step, const std::string& series,
                                                std::int64_t after_step, int limit) override {
    return store_.read_metrics(run, step, series, after_step, limit);
  }

 private:
  Store& store_;
  int commits_left_;
  Fault fault_;
};

}  // namespace luthier::store
