// Guards of the evaluator: how deep it is, and where its output goes. Restored when the guard goes.
#pragma once

#include "pipelines/text/jinja/evaluator.h"

namespace luthier::text::jinja {

class Evaluator::Nesting {
 public:
  explicit Nesting(Evaluator& evaluator) : evaluator_(evaluator) {
    if (evaluator.depth_ >= evaluator.limits_.depth_max) {
      fail_bound("expressions, blocks and macros are nested more than " + std::to_string(evaluator.limits_.depth_max) +
                 " deep");
    }
    ++evaluator_.depth_;
  }
  ~Nesting() { --evaluator_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Evaluator& evaluator_;
};

class Evaluator::Capture {
 public:
  explicit Capture(Evaluator& evaluator) : evaluator_(evaluator), outer_(evaluator.out_) { evaluator.out_ = &text_; }
  ~Capture() { evaluator_.out_ = outer_; }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;
  [[nodiscard]] Value take() { return evaluator_.heap_.text(std::move(text_)); }

 private:
  Evaluator& evaluator_;
  std::string* outer_;
  std::string text_;
};

}  // namespace luthier::text::jinja
