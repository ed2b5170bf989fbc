// MachineFixture: the controller's machine with a hand-set clock, and its effects as short lines, so that a test can
// compare the whole list: nothing more, nothing less.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "controller/core/core.h"
#include "controller/core/invariants.h"

namespace luthier::core::testing {

using Lines = std::vector<std::string>;

// "journal attempt_assigned r-1/train/1", "send a-1 start r-1/train/1", "publish step.started train", "reply 7 ok",
// "wake 1000".
[[nodiscard]] std::string describe(const Effect& effect, std::int64_t start_wall_ms);

[[nodiscard]] plan::Step agent_step(const std::string& id, const std::string& uses = "run",
                                    const std::vector<std::string>& needs = {});
[[nodiscard]] plan::Step controller_step(const std::string& uses, const std::vector<std::string>& needs, Json with);
[[nodiscard]] Json model_json(const std::string& base, const std::string& adapter = "");
[[nodiscard]] Json artifact_json(const std::string& digest, const std::string& kind);

// A snapshot of it, by way of text, gives the same state back.
void check_snapshot(const State& state);

class MachineFixture : public ::testing::Test {
 protected:
  static constexpr std::int64_t kStartMs = 1'700'000'000'000;

  MachineFixture();
  // After every test: invariants hold, the journal replays to the same state, and a snapshot gives it back.
  ~MachineFixture() override;

  Lines feed(const Input& input);
  // Two CPUs unless said otherwise; boot id "boot-1". Without the Welcome, which is always there and first.
  Lines connect(const std::string& agent, int gpus = 0, std::vector<HeldAttempt> held = {},
                const std::string& boot_id = "boot-1");
  Lines submit(std::vector<plan::Step> steps, const std::string& pipeline = "p");
  Lines start(const std::string& step, int number = 1, const std::string& agent = "a-1");
  Lines finish(const std::string& step, Json outputs = Json::object(), int number = 1,
               const std::string& agent = "a-1");
  Lines fail(const std::string& step, Outcome outcome, int number = 1, const std::string& agent = "a-1");
  Lines release(const std::string& step, int number = 1, const std::string& agent = "a-1");
  Lines offer(const std::string& step, std::int64_t at, int number = 1, const std::string& agent = "a-1");
  void advance(std::int64_t by_ms);

  [[nodiscard]] AttemptId attempt(const std::string& step, int number = 1) const;
  [[nodiscard]] const LiveStep& live(const std::string& step) const;
  [[nodiscard]] std::string reason(const std::string& step) const;
  // The newest effect of this kind in the last feed().
  template <class T>
  const T& last() const {
    for (auto effect = effects_.rbegin(); effect != effects_.rend(); ++effect) {
      if (const T* found = std::get_if<T>(&*effect)) {
        return *found;
      }
    }
    ADD_FAILURE() << "no such effect";
    static const T none{};
    return none;
  }
  // The newest journaled event of this kind, of all.
  template <class T>
  const T& journaled() const {
    for (auto event = journal_.rbegin(); event != journal_.rend(); ++event) {
      if (const T* found = std::get_if<T>(&event->first)) {
        return *found;
      }
    }
    ADD_FAILURE() << "no such event";
    static const T none{};
    return none;
  }

  State state_;
  Now now_{kStartMs, 5'000};
  std::string run_ = "r-1";
  std::vector<Effect> effects_;
  std::vector<std::pair<Event, Now>> journal_;
  InvariantChecker checker_;
};

}  // namespace luthier::core::testing
