#include "controller/progress_board.h"

namespace luthier::controller {

void ProgressBoard::update(const AttemptId& attempt, core::Json progress) {
  if (attempt.rank != 0) {
    return;  // rank 0 speaks for its gang
  }
  const Key key{attempt.run, attempt.step};
  const std::lock_guard lock(mutex_);
  if (const auto found = by_step_.find(key); found != by_step_.end()) {
    Entry& entry = *found->second;
    if (attempt.number < entry.number) {
      return;
    }
    entry.number = attempt.number;
    entry.progress = std::move(progress);
    entries_.splice(entries_.begin(), entries_, found->second);
    return;
  }
  entries_.push_front({key, attempt.number, std::move(progress)});
  by_step_.emplace(key, entries_.begin());
  if (entries_.size() > kStepsMax) {
    by_step_.erase(entries_.back().key);
    entries_.pop_back();
  }
}

std::optional<core::Json> ProgressBoard::newest(const AttemptId& attempt) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_step_.find({attempt.run, attempt.step});
  if (found == by_step_.end() || found->second->number != attempt.number) {
    return std::nullopt;
  }
  return found->second->progress;
}

}  // namespace luthier::controller
