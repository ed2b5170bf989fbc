#include "pipelines/spec/graph.h"

#include <algorithm>
#include <cstddef>

namespace luthier::spec {
namespace {

// Depth first, with a stack of its own: a chain may be as long as the plan.
class Walk {
 public:
  explicit Walk(const Graph& needs) : needs_(needs) {}

  // False when a cycle was found.
  bool visit(const std::string& start, GraphOrder& result) {
    if (marks_[start] == Mark::kDone) {
      return true;
    }
    path_ = {{start, 0}};
    marks_[start] = Mark::kOpen;
    while (!path_.empty()) {
      const std::string name = path_.back().name;
      const std::vector<std::string>& needs = needs_.at(name);
      if (path_.back().next == needs.size()) {
        marks_[name] = Mark::kDone;
        result.order.push_back(name);
        path_.pop_back();
        continue;
      }
      const std::string& need = needs[path_.back().next++];
      if (!needs_.contains(need) || marks_[need] == Mark::kDone) {
        continue;
      }
      if (marks_[need] == Mark::kOpen) {
        take_cycle(need, result);
        return false;
      }
      marks_[need] = Mark::kOpen;
      path_.push_back({need, 0});
    }
    return true;
  }

 private:
  enum class Mark { kNew, kOpen, kDone };
  struct Frame {
    std::string name;
    std::size_t next = 0;
  };

  void take_cycle(const std::string& first, GraphOrder& result) {
    auto frame = std::find_if(path_.begin(), path_.end(), [&first](const Frame& f) { return f.name == first; });
    for (; frame != path_.end(); ++frame) {
      result.cycle.push_back(frame->name);
    }
    result.cycle.push_back(first);
    result.order.clear();
  }

  const Graph& needs_;
  std::map<std::string, Mark> marks_;
  std::vector<Frame> path_;
};

}  // namespace

GraphOrder order_graph(const std::vector<std::string>& names, const Graph& needs) {
  GraphOrder result;
  Walk walk(needs);
  for (const std::string& name : names) {
    if (!walk.visit(name, result)) {
      break;
    }
  }
  return result;
}

std::string cycle_text(const std::vector<std::string>& cycle) {
  std::string text;
  for (const std::string& name : cycle) {
    text += (text.empty() ? "" : " -> ") + name;
  }
  return text;
}

}  // namespace luthier::spec
