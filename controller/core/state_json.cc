#include "controller/core/core.h"
#include "controller/core/json_fields.h"

namespace luthier::core {

Json state_to_json(const State& state) { return json_fields::encode(state); }

Result<State> state_from_json(const Json& body) {
  State state;
  if (const std::string wanted = json_fields::decode(body, state); !wanted.empty()) {
    return Error{ErrorCode::kDataLoss, "the snapshot is not " + wanted};
  }
  for (const auto& [run, live] : state.runs) {
    index_run(state, run);
  }
  return state;
}

}  // namespace luthier::core
