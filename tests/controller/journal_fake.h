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
  Result<void> replay(const std::function<Result<void>(const JournalRecord&)>& each) override {
    for (const JournalRecord& record : records_) {
      LUTHIER_TRY_VOID(each(record));
    }
    return {};
  }

  Result<Json> list_runs(int, const std::string&) override { return unused(); }
  Result<Json> get_run(const std::string&) override { return unused(); }
  Result<Json> list_agents() override { return unused(); }
  Result<Json> list_models() override { return unused(); }
  Result<Json> get_model(const std::string&) override { return unused(); }
  Result<std::vector<OutboxRow>> events_after(std::uint64_t, int, const std::string&) override { return unused(); }
  Result<void> add_key(const std::string&, const Principal&) override { return unused(); }
  Result<Principal> authenticate(const std::string&) override { return unused(); }
  Result<bool> has_admin_key() override { return unused(); }
  Result<void> add_join_token(const std::string&, int, std::int64_t) override { return unused(); }
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
};

}  // namespace luthier::store
