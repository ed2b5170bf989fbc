// Runtime: the durable shell around the pure machine. Owns the state thread.
//
// Inputs are posted from any thread into a bounded queue. The state thread takes all that wait, runs step() on each,
// commits their events in one transaction (group commit), then performs the effects in order. A failed commit ends
// the process, because RAM would be ahead of disk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "controller/core/effect.h"
#include "controller/store/store.h"

namespace luthier::core {
struct State;  // controller/core/state.h
}  // namespace luthier::core

namespace luthier::controller {

using core::Json;

class Runtime {
 public:
  // What the runtime tells the outside; called on the state thread, must not block.
  struct Sinks {
    std::function<void(const AgentId&, const core::AgentCommand&)> send_to_agent;  // drops when not connected
    std::function<void(const AgentId&, std::uint64_t connection)> welcome_agent;  // commands may go over it from now on
    std::function<void(const store::OutboxRow&)> published;                       // after commit
    std::function<void(double seconds, std::size_t records)> committed;           // of every commit
  };

  virtual ~Runtime() = default;

  // Posts an input that expects no answer. False when the queue is full (the caller says "busy" or tries later).
  virtual bool post(core::Input input) = 0;
  // Posts an input made with the given request id; `reply` is called once, on the state thread, after commit. When the
  // queue is full or the runtime has stopped, it is called at once on the caller's thread (kResourceExhausted,
  // kUnavailable).
  using ReplyFunction = std::function<void(Result<Json>)>;
  virtual void call(std::function<core::Input(core::RequestId)> make_input, ReplyFunction reply) = 0;
  // Runs `read` on the state thread between batches. Must be quick. When the queue is full or the runtime has stopped,
  // `read` is destroyed without being called (a promise that it holds is then broken).
  virtual void query(std::function<void(const core::State&, Now)> read) = 0;
  // Set before start().
  virtual void set_sinks(Sinks sinks) = 0;

  // Takes a new epoch, loads the newest whole snapshot, replays the journal from there, journals ControllerStarted,
  // starts the thread. Logs what the store found lost.
  [[nodiscard]] virtual Result<void> start() = 0;
  // Finishes what is queued, writes a snapshot, then joins the thread. Safe to call twice.
  virtual void stop() = 0;
  [[nodiscard]] virtual std::uint64_t epoch() const = 0;
  // Inputs and queries that wait. Any thread.
  [[nodiscard]] virtual std::size_t queue_length() const = 0;
  // Whether the attempt is the newest of an unfinished step; kept in a snapshot that telemetry threads may read.
  [[nodiscard]] virtual bool is_current(const AttemptId& attempt) const = 0;
};

struct RuntimeOptions {
  std::uint64_t snapshot_every = 10'000;  // journal records; one is written at stop() besides
  bool check_invariants = false;          // log an error for each that the live log breaks
};

[[nodiscard]] std::unique_ptr<Runtime> make_runtime(store::Store& store, const Clock& clock, Log& log,
                                                    RuntimeOptions options = {});

}  // namespace luthier::controller
