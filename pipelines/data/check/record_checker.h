// RecordChecker: the checks of single records, over batches of them. One per thread; findings are in the file's order.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "pipelines/data/check/token_counter.h"
#include "pipelines/data/check/totals.h"
#include "pipelines/data/images/image_checker.h"
#include "pipelines/data/read/example.h"

namespace luthier::data::check {

struct RecordCheckerOptions {
  std::string file;  // for places
  bool near_duplicates = true;
  std::optional<text::Tokenizer> tokenizer;
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
