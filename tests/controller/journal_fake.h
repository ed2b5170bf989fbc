// JournalFake: a store that keeps the journal in memory and lets a test hold a commit back. Everything that the
// runtime does not use answers kUnavailable.
#pragma once

#include <condition_variable>
#include <mutex>
#include <vector>

#include "controller/store/store.h"

namespace luthier::store {

class JournalFake final : public Store {
 public:
  // The next commits wait until release().
  void hold() {
    const std::lock_guard lock(mutex_);
    held_ = true;
  }
  void release() {
    const std::lock_guard lock(mutex_);
    held_ = false;
    changed_.notify_all();
  }
  void wait_until_a_commit_is_held() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }
  [[nodiscard]] std::size_t commits() const {
    const std::lock_guard lock(mutex_);
    return commits_;
  }
  // For tests that damage the journal; not while a runtime uses it.
  std::vector<JournalRecord>& records() { return records_; }

  Result<std::uint64_t> acquire_epoch() override { return ++epoch_; }
  Result<void> commit(Batch& batch) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
    for (OutboxRow& row : batch.published) {
      row.sequence = ++sequence_;
    }
    records_.insert(records_.end(), batch.records.begin(), batch.records.end());
    ++commits_;
    return {};
  }
  Result<void> replay_after(std::uint64_t after, const ReplayFunction& each) override {
    for (const JournalRecord& record : records_) {
      if (record.index > after) {
        LUTHIER_TRY_VOID(each(record));
      }
    }
    return {};
  }
  Result<void> save_snapshot(const std::string& state, Now) override {
    const std::lock_guard lock(mutex_);
    snapshots_.push_back({records_.back().index, "", state});
    return {};
  }
  Result<Snapshot> newest_snapshot(std::uint64_t index_max, std::vector<std::string>&) override {
    for (auto snapshot = snapshots_.rbegin(); snapshot != snapshots_.rend(); ++snapshot) {
      if (snapshot->index <= index_max) {
        return *snapshot;
      }
    }
    return Snapshot{};
  }
  // For tests that damage them; not while a runtime uses them.
  std::vector<Snapshot>& snapshots() { return snapshots_; }
  Result<std::uint64_t> archive_records(std::int64_t) override { return unused(); }
  Result<std::set<std::string>> live_digests(std::int64_t) override { return unused(); }
  std::vector<std::string> findings() const override { return {}; }
  Result<std::uint64_t> prune_telemetry(std::int64_t, std::uint64_t) override { return unused(); }
  Result<void> check_writable(std::int64_t) override { return unused(); }

  Result<Json> list_runs(int, const std::string&, const RunsFilter&) override { return unused(); }
  Result<Json> get_run(const std::string&) override { return unused(); }
  Result<core::RunSubmitted> get_submission(const std::string&) override { return unused(); }
  Result<Json> list_deployments(int) override { return unused(); }
  Result<Json> get_deployment(const std::string&) override { return unused(); }
  Result<Json> list_agents() override { return unused(); }
  Result<Json> list_models() override { return unused(); }
  Result<Json> get_model(const std::string&) override { return unused(); }
  Result<std::vector<OutboxRow>> events_after(std::uint64_t, int, const std::string&) override { return unused(); }
  Result<void> add_key(const std::string&, const Principal&) override { return unused(); }
  Result<Principal> authenticate(const std::string&) override { return unused(); }
  Result<bool> has_admin_key() override { return unused(); }
  Result<void> add_join_token(const std::string&, int, std::int64_t) override { return unused(); }
  Result<Json> list_join_tokens(std::int64_t) override { return unused(); }
  Result<void> revoke_join_token(const std::string&) override { return unused(); }
  Result<std::string> join(const std::string&, const std::string&, const std::string&, std::int64_t) override {
    return unused();
  }
  Result<std::uint64_t> append_log(const AttemptId&, std::uint64_t, std::string_view, bool) override {
    return unused();
  }
  Result<LogSlice> read_log(const AttemptId&, std::uint64_t, std::uint64_t) override { return unused(); }
  Result<void> append_metrics(const AttemptId&, const std::vector<MetricPoint>&) override { return unused(); }
  Result<std::vector<MetricPoint>> read_metrics(const RunId&, const StepId&, const std::string&, std::int64_t,
                                                int) override {
    return unused();
  }

 private:
  static Error unused() { return Error{ErrorCode::kUnavailable, "this fake keeps a journal only"}; }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool held_ = false;
  int waiting_ = 0;
  std::size_t commits_ = 0;
  std::uint64_t epoch_ = 0;
  std::uint64_t sequence_ = 0;
  std::vector<JournalRecord> records_;
  std::vector<Snapshot> snapshots_;
};

}  // namespace luthier::store
