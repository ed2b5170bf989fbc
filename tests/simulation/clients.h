// Clients: people who submit, cancel and use models, also during faults, and hold the controller to its answers.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "controller/core/core.h"

namespace luthier::simulation {

class World;

class Clients {
 public:
  explicit Clients(World& world) : world_(world) {}

  void schedule();
  void submit(core::SubmitRun wanted);
  // An answer arrived: what it promises must come true.
  void on_reply(const core::Reply& reply);
  void on_event(const core::Event& event);  // of the journal
  void check_end(bool all_is_over);

 private:
  void ask_later(std::int64_t at_ms, const core::Input& input);
  using Approval = std::pair<RunId, StepId>;
  void watch_approvals(const core::Event& event);
  // Says it, and says it again until the journal shows that somebody was heard.
  void decide(const Approval& approval, bool approved);

  World& world_;
  core::RequestId next_request_ = 1;
  std::set<core::RequestId> submissions_;
  std::set<core::RequestId> cancels_;
  std::set<RunId> promised_;   // "your run is r-3"
  std::set<RunId> cancelled_;  // "r-3 is cancelled"
  std::set<RunId> submitted_;
  std::map<RunId, core::RunStatus> ended_;
  std::map<Approval, std::int64_t> approvals_;  // steps that wait for a person, or will -> their time limit or 0
  std::set<Approval> waiting_;                  // now
  std::map<core::RequestId, std::pair<Approval, bool>> decisions_;
  std::map<Approval, bool> heard_;    // "r-3/approve is approved"
  std::map<Approval, bool> decided_;  // of the journal
};

}  // namespace luthier::simulation
