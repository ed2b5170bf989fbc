// Order in a graph of names. Pure.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace luthier::spec {

// From a name to the names it needs. Names that are no keys are ignored.
using Graph = std::map<std::string, std::vector<std::string>>;

struct GraphOrder {
  std::vector<std::string> order;  // needs first; otherwise as in `names`; empty when there is a cycle
  std::vector<std::string> cycle;  // "a", "b", "a": a needs b, b needs a; empty when there is none
};

// `names` are the keys of the graph in the order that people know.
[[nodiscard]] GraphOrder order_graph(const std::vector<std::string>& names, const Graph& needs);

// "a -> b -> a"
[[nodiscard]] std::string cycle_text(const std::vector<std::string>& cycle);

}  // namespace luthier::spec
