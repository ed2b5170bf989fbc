// Rows: what the readers of tables share: rows of cells become JSON objects under the header's names.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "pipelines/data/read/reader.h"

namespace luthier::data::read {

class Rows {
 public:
  explicit Rows(std::string file, RowOptions options) : file_(std::move(file)), options_(options) {}

  void set_columns(const std::vector<std::string>& columns);
  [[nodiscard]] std::size_t columns() const { return names_.size(); }

  void begin(Batch& batch);
  // One row; a row of the wrong width, or one that is not UTF-8, becomes a problem; an empty one nothing, unless the
  // options say otherwise.
  void add(Batch& batch, const std::vector<std::string>& cells, std::int64_t line);
  void complain(Batch& batch, std::string code, Severity severity, std::int64_t line, std::int64_t column,
                std::string message) const;
  // Whether anything was given.
  [[nodiscard]] bool end(Batch& batch);
  [[nodiscard]] Error too_long(std::int64_t line) const;

 private:
  std::string file_;
  RowOptions options_;
  std::vector<std::string> names_;  // as JSON strings with their colons
  std::int64_t number_ = 0;
  std::int64_t ordinal_ = 0;
};

}  // namespace luthier::data::read
