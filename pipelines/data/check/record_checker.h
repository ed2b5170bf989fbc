// RecordChecker: the checks of single records, over batches of them. One per thread; findings are in the file's order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pipelines/data/check/token_counter.h"
#include "pipelines/data/check/totals.h"
#include "pipelines/data/images/image_checker.h"
#include "pipelines/data/read/example.h"
#include "pipelines/data/tokens/count_rule.h"

namespace luthier::data::check {

struct RecordCheckerOptions {
  std::string file;  // for places
  bool near_duplicates = true;
  std::shared_ptr<const tokens::ModelText> model;  // with a tokenizer; or nullptr: tokens are not counted
  tokens::CountRule rule = tokens::CountRule::kNotebook;
  text::ChatOptions chat;
  std::int64_t context = 0;  // tokens; 0: not known
  images::ImageOptions images;
};

class RecordChecker {
 public:
  explicit RecordChecker(const RecordCheckerOptions& options);
  ~RecordChecker();
  RecordChecker(const RecordChecker&) = delete;
  RecordChecker& operator=(const RecordChecker&) = delete;

  [[nodiscard]] BatchResult check(const read::Batch& batch);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace luthier::data::check
