// What the server needs from a model: answers, made one token at a time. Pure interface.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "agents/worker/serve/request.h"
#include "base/result.h"

namespace luthier::worker {

// One answer being made. Destroying it abandons it.
class Answer {
 public:
  struct Piece {
    std::string text;                          // whole UTF-8 characters; may be empty
    std::optional<std::string> finish_reason;  // "stop" or "length": the answer is complete
  };

  virtual ~Answer() = default;
  // Makes one token; not called again after a finish_reason or an error.
  [[nodiscard]] virtual Result<Piece> next() = 0;
  [[nodiscard]] virtual Usage usage() const = 0;
};

class Answerer {
 public:
  virtual ~Answerer() = default;
  // kInvalidArgument when the prompt cannot be encoded, kResourceExhausted when it is longer than the model's
  // context.
  [[nodiscard]] virtual Result<std::unique_ptr<Answer>> start(const GenerateRequest& request) = 0;
};

}  // namespace luthier::worker
