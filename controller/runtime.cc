#include "controller/runtime.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/digest/digest.h"
#include "controller/attempt_index.h"
#include "controller/core/core.h"
#include "controller/live_invariants.h"

namespace luthier::controller {

namespace {

constexpr std::size_t kQueueMax = 65'536;
constexpr std::size_t kBatchMax = 4'096;  // inputs that share one commit
constexpr int kExitCommitFailed = 70;     // EX_SOFTWARE of sysexits.h
// How long the thread sleeps at most while a timer runs: wall time may jump.
constexpr milliseconds kTimerSleepMax{1'000};

Error busy() {
  return Error{ErrorCode::kResourceExhausted,
               "the controller has " + std::to_string(kQueueMax) + " inputs waiting; try again in a moment"};
}
Error stopped() { return Error{ErrorCode::kUnavailable, "the controller is stopping"}; }

class StateThread final : public Runtime {
 public:
  StateThread(store::Store& store, const Clock& clock, Log& log, RuntimeOptions options)
      : store_(store), clock_(clock), log_(log), options_(options) {}
  ~StateThread() override { stop(); }

  bool post(core::Input input) override { return enqueue(std::move(input)) == Enqueued::kYes; }
  void call(std::function<core::Input(core::RequestId)> make_input, ReplyFunction reply) override;
  void query(std::function<void(const core::State&, Now)> read) override { enqueue(std::move(read)); }
  void set_sinks(Sinks sinks) override { sinks_ = std::move(sinks); }
  Result<void> start() override;
  void stop() override;
  std::uint64_t epoch() const override { return epoch_; }
  std::size_t queue_length() const override {
    const std::lock_guard lock(mutex_);
    return queue_.size();
  }
  bool is_current(const AttemptId& attempt) const override { return attempts_.is_current(attempt); }

 private:
  using Query = std::function<void(const core::State&, Now)>;
  using Item = std::variant<core::Input, Query>;
  enum class Enqueued { kYes, kFull, kStopped };

  // What one commit makes durable, and what is done after it.
  struct Work {
    store::Batch batch;
    std::vector<core::Effect> effects;  // all but Journal, in order
    [[nodiscard]] bool must_commit() const { return !batch.records.empty() || !batch.published.empty(); }
  };

  Enqueued enqueue(Item item);
  Result<void> replay();
  // The newest snapshot that can be used becomes the state; the index it stands for, 0 without one.
  Result<std::uint64_t> load_snapshot();
  // When enough was journaled since the last one; `least` records are enough.
  void save_snapshot(std::uint64_t least);
  void run();
  // Waits for something to do. Nothing when the runtime stops and the queue is empty.
  std::optional<std::vector<Item>> next_items();
  [[nodiscard]] bool timer_due() const;
  void process(std::vector<Item>& items);
  void step_into(const core::Input& input, Work& work);
  // Commits and performs.
  Result<void> finish(Work& work);
  void perform(const core::Effect& effect, const Work& work, std::size_t& published);
  void answer(const core::Reply& reply);
  void refuse_open_calls();

  store::Store& store_;
  const Clock& clock_;
  Log& log_;
  const RuntimeOptions options_;
  Sinks sinks_;
  std::atomic<std::uint64_t> epoch_ = 0;
  AttemptIndex attempts_;

  // Of the state thread (and of start(), before the thread exists).
  core::State state_;
  std::optional<LiveInvariants> invariants_;
  std::uint64_t next_index_ = 1;
  std::uint64_t snapshot_index_ = 0;  // of the newest snapshot that was tried
  // When a tick is due, by either clock: the wall clock may be set back.
  std::optional<std::int64_t> wake_at_wall_ms_;
  std::int64_t wake_at_monotonic_ms_ = 0;

  mutable std::mutex mutex_;  // guards the rest
  std::condition_variable changed_;
  std::deque<Item> queue_;
  bool accepting_ = true;
  bool stopping_ = false;
  core::RequestId next_request_ = 1;
  std::map<core::RequestId, ReplyFunction> replies_;
  std::thread thread_;
};

StateThread::Enqueued StateThread::enqueue(Item item) {
  {
    const std::lock_guard lock(mutex_);
    if (!accepting_) {
      return Enqueued::kStopped;
    }
    if (queue_.size() >= kQueueMax) {
      return Enqueued::kFull;
    }
    queue_.push_back(std::move(item));
  }
  changed_.notify_one();
  return Enqueued::kYes;
}

void StateThread::call(std::function<core::Input(core::RequestId)> make_input, ReplyFunction reply) {
  core::RequestId request = 0;
  {
    const std::lock_guard lock(mutex_);
    request = next_request_++;
    replies_.emplace(request, std::move(reply));
  }
  const Enqueued enqueued = enqueue(make_input(request));
  if (enqueued == Enqueued::kYes) {
    return;
  }
  ReplyFunction refused;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = replies_.find(request); found != replies_.end()) {
      refused = std::move(found->second);
      replies_.erase(found);
    }
  }
  if (refused) {
    refused(enqueued == Enqueued::kFull ? busy() : stopped());
  }
}

Result<void> StateThread::start() {
  // The epoch first: from here on no older controller can append to what is replayed below.
  LUTHIER_TRY(const std::uint64_t epoch, store_.acquire_epoch());
  epoch_ = epoch;
  for (const std::string& finding : store_.findings()) {
    log_.error("journal_damaged", {{"what", finding}});
  }
  LUTHIER_TRY_VOID(replay());
  if (options_.check_invariants) {
    invariants_.emplace(state_, log_);
  }
  const std::uint64_t seed = std::stoull(secure_random_hex(8), nullptr, 16);
  Work work;
  step_into(core::Boot{epoch, seed, store_.numbers_lost()}, work);
  if (Result<void> done = finish(work); !done) {
    return std::move(done).error().with("committing the controller's start");
  }
  log_.info("controller_started", {{"epoch", std::to_string(epoch)},
                                   {"journal_records", std::to_string(next_index_ - 1)},
                                   {"from_snapshot", std::to_string(snapshot_index_)}});
  thread_ = std::thread([this] { run(); });
  return {};
}

Result<std::uint64_t> StateThread::load_snapshot() {
  std::uint64_t index_max = std::numeric_limits<std::uint64_t>::max();
  while (true) {
    std::vector<std::string> broken;
    LUTHIER_TRY(const store::Snapshot snapshot, store_.newest_snapshot(index_max, broken));
    for (const std::string& why : broken) {
      log_.error("snapshot_broken", {{"what", why}, {"instead", "an older snapshot, or the whole journal"}});
    }
    if (snapshot.state.empty()) {
      return 0;
    }
    Result<core::State> state = core::state_from_json(Json::parse(snapshot.state, nullptr, false));
    if (state) {
      state->options = state_.options;
      state_ = std::move(*state);
      attempts_.reset(state_);
      return snapshot.index;
    }
    log_.error("snapshot_broken",
               {{"what", "after record " + std::to_string(snapshot.index) + ": " + state.error().message},
                {"instead", "an older snapshot, or the whole journal"}});
    index_max = snapshot.index - 1;
  }
}

void StateThread::save_snapshot(std::uint64_t least) {
  const std::uint64_t index = next_index_ - 1;
  if (index < snapshot_index_ + least) {
    return;
  }
  const std::int64_t start_ms = clock_.now().monotonic_ms;
  snapshot_index_ = index;  // also when it fails: a disk that is full will not do it a moment later
  const std::string text = core::state_to_json(state_).dump(-1, ' ', false, Json::error_handler_t::replace);
  if (const Result<void> saved = store_.save_snapshot(text, clock_.now()); !saved) {
    log_.warning("snapshot_failed", {{"record", std::to_string(index)}, {"why", saved.error().message}});
    return;
  }
  log_.info("snapshot_written", {{"record", std::to_string(index)},
                                 {"bytes", std::to_string(text.size())},
                                 {"ms", std::to_string(clock_.now().monotonic_ms - start_ms)}});
}

Result<void> StateThread::replay() {
  LUTHIER_TRY(snapshot_index_, load_snapshot());
  next_index_ = snapshot_index_ + 1;
  const Result<void> done =
      store_.replay_after(snapshot_index_, [this](const store::JournalRecord& record) -> Result<void> {
        if (record.index != next_index_) {
          return Error{ErrorCode::kDataLoss, "journal record " + std::to_string(next_index_) + " is missing (found " +
                                                 std::to_string(record.index) +
                                                 "); restore the database from a backup"};
        }
        core::apply(state_, record.event, record.now);
        attempts_.apply(record.event);
        ++next_index_;
        return {};
      });
  if (!done) {
    return Error(done.error()).with("replaying the journal");
  }
  return {};
}

void StateThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    accepting_ = false;
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) {
    thread_.join();
  }
  refuse_open_calls();
}

void StateThread::run() {
  while (std::optional<std::vector<Item>> items = next_items()) {
    process(*items);
    save_snapshot(options_.snapshot_every);
  }
  save_snapshot(1);
}

bool StateThread::timer_due() const {
  const Now now = clock_.now();
  return wake_at_wall_ms_ && (now.wall_ms >= *wake_at_wall_ms_ || now.monotonic_ms >= wake_at_monotonic_ms_);
}

std::optional<std::vector<StateThread::Item>> StateThread::next_items() {
  std::unique_lock lock(mutex_);
  while (queue_.empty() && !stopping_ && !timer_due()) {
    if (!wake_at_wall_ms_) {
      changed_.wait(lock);
      continue;
    }
    const milliseconds left(std::max<std::int64_t>(1, *wake_at_wall_ms_ - clock_.now().wall_ms));
    changed_.wait_for(lock, std::min(left, kTimerSleepMax));
  }
  if (queue_.empty() && stopping_) {
    return std::nullopt;
  }
  std::vector<Item> items;
  const std::size_t count = std::min(queue_.size(), kBatchMax);
  items.reserve(count);
  std::move(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count), std::back_inserter(items));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(count));
  return items;
}

void StateThread::process(std::vector<Item>& items) {
  Work work;
  if (timer_due()) {
    wake_at_wall_ms_.reset();  // the tick says when the next one is due
    step_into(core::Tick{}, work);
  }
  std::vector<Query*> queries;
  for (Item& item : items) {
    if (const auto* input = std::get_if<core::Input>(&item)) {
      step_into(*input, work);
    } else {
      queries.push_back(&std::get<Query>(item));
    }
  }
  if (const Result<void> done = finish(work); !done) {
    // RAM is ahead of disk: going on would decide from what never happened. The next start replays the truth.
    log_.error("commit_failed", {{"why", done.error().message}, {"epoch", std::to_string(epoch_)}});
    std::_Exit(kExitCommitFailed);
  }
  // After the commit, so that what is read is durable.
  for (const Query* query : queries) {
    (*query)(state_, clock_.now());
  }
}

void StateThread::step_into(const core::Input& input, Work& work) {
  const Now now = clock_.now();
  std::vector<core::Effect> effects = core::step(state_, input, now);
  if (invariants_) {
    invariants_->on_step(effects);
  }
  for (core::Effect& effect : effects) {
    if (auto* journal = std::get_if<core::Journal>(&effect)) {
      work.batch.records.push_back({next_index_++, epoch_, now, std::move(journal->event)});
      continue;
    }
    if (auto* publish = std::get_if<core::Publish>(&effect)) {
      work.batch.published.push_back({0, publish->name, now.wall_ms, std::move(publish->payload)});
    }
    work.effects.push_back(std::move(effect));
  }
}

Result<void> StateThread::finish(Work& work) {
  if (work.must_commit()) {
    const auto began = std::chrono::steady_clock::now();
    LUTHIER_TRY_VOID(store_.commit(work.batch));
    if (sinks_.committed) {
      const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - began;
      sinks_.committed(passed.count(), work.batch.records.size());
    }
    if (invariants_) {
      invariants_->on_commit(work.batch, state_, clock_.now());
    }
  }
  for (const store::JournalRecord& record : work.batch.records) {
    attempts_.apply(record.event);  // before an agent is told to start: its telemetry may come at once
  }
  std::size_t published = 0;
  for (const core::Effect& effect : work.effects) {
    perform(effect, work, published);
  }
  return {};
}

void StateThread::perform(const core::Effect& effect, const Work& work, std::size_t& published) {
  if (const auto* send = std::get_if<core::SendToAgent>(&effect)) {
    if (sinks_.send_to_agent) {
      sinks_.send_to_agent(send->agent, send->command);
    }
  } else if (const auto* welcome = std::get_if<core::Welcome>(&effect)) {
    if (sinks_.welcome_agent) {
      sinks_.welcome_agent(welcome->agent, welcome->connection);
    }
  } else if (const auto* reply = std::get_if<core::Reply>(&effect)) {
    answer(*reply);
  } else if (std::holds_alternative<core::Publish>(effect)) {
    const store::OutboxRow& row = work.batch.published.at(published++);
    if (sinks_.published) {
      sinks_.published(row);
    }
  } else if (const auto* wake = std::get_if<core::WakeAt>(&effect)) {
    if (!wake_at_wall_ms_ || wake->wall_ms < *wake_at_wall_ms_) {
      const Now now = clock_.now();
      wake_at_wall_ms_ = wake->wall_ms;
      wake_at_monotonic_ms_ = now.monotonic_ms + std::max<std::int64_t>(0, wake->wall_ms - now.wall_ms);
    }
  }
}

void StateThread::answer(const core::Reply& reply) {
  ReplyFunction function;
  {
    const std::lock_guard lock(mutex_);
    const auto found = replies_.find(reply.request);
    if (found == replies_.end()) {
      return;
    }
    function = std::move(found->second);
    replies_.erase(found);
  }
  function(reply.ok ? Result<Json>(reply.value) : Result<Json>(reply.error));
}

void StateThread::refuse_open_calls() {
  std::map<core::RequestId, ReplyFunction> open;
  std::deque<Item> dropped;  // its functions are destroyed outside the lock
  {
    const std::lock_guard lock(mutex_);
    open.swap(replies_);
    dropped.swap(queue_);
  }
  for (const auto& [request, reply] : open) {
    reply(stopped());
  }
}

}  // namespace

std::unique_ptr<Runtime> make_runtime(store::Store& store, const Clock& clock, Log& log, RuntimeOptions options) {
  return std::make_unique<StateThread>(store, clock, log, options);
}

}  // namespace luthier::controller
