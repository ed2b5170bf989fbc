#include "pipelines/data/read/rows.h"

#include <algorithm>

#include "pipelines/data/read/formats.h"
#include "pipelines/text/utf8.h"

namespace luthier::data::read {

void Rows::set_columns(const std::vector<std::string>& columns) {
  for (const std::string& column : columns) {
    std::string name;
    append_json_string(name, column);
    names_.push_back(name + ':');
  }
}

void Rows::begin(Batch& batch) { begin_batch(batch, number_, ordinal_); }

void Rows::add(Batch& batch, const std::vector<std::string>& cells, std::int64_t line) {
  if (std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); })) {
    if (options_.keep_blank) {
      batch.records.push_back({batch.bytes.size(), 0, line, 1});
      batch.bytes += ' ';  // so that a batch of them ends too
    }
    return;
  }
  if (cells.size() > names_.size() || (cells.size() < names_.size() && !options_.fill_short_rows)) {
    complain(batch, "row_fields", Severity::kError, line, 0,
             "the row has " + std::to_string(cells.size()) + " fields, the header has " +
                 std::to_string(names_.size()) + "; put fields that hold the separator in quotes");
    return;
  }
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (const auto invalid = text::find_invalid_utf8(cells[i])) {
      complain(batch, "not_utf8", Severity::kError, line, 0,
               "byte " + std::to_string(*invalid + 1) + " of field " + std::to_string(i + 1) +
                   " is not UTF-8; save the file as UTF-8, or: iconv -f WINDOWS-1252 -t UTF-8 " + file_);
      return;
    }
  }
  const std::size_t begin = batch.bytes.size();
  for (std::size_t i = 0; i < cells.size(); ++i) {
    batch.bytes += i == 0 ? '{' : ',';
    batch.bytes += names_[i];
    append_json_string(batch.bytes, cells[i]);
  }
  for (std::size_t i = cells.size(); i < names_.size(); ++i) {
    batch.bytes += (i == 0 ? '{' : ',') + names_[i] + "\"\"";
  }
  batch.bytes += '}';
  batch.records.push_back({begin, batch.bytes.size() - begin, line, 1});
}

void Rows::complain(Batch& batch, std::string code, Severity severity, std::int64_t line, std::int64_t column,
                    std::string message) const {
  batch.problems.push_back({std::move(code), severity, file_, line, column, std::move(message)});
}

bool Rows::end(Batch& batch) {
  if (batch.records.empty() && batch.problems.empty()) {
    return false;
  }
  ++number_;
  ordinal_ += static_cast<std::int64_t>(batch.records.size());
  end_batch(batch);
  return true;
}

Error Rows::too_long(std::int64_t line) const {
  return {ErrorCode::kInvalidArgument, file_ + ":" + std::to_string(line) + ": this record is longer than " +
                                           std::to_string(kRecordBytesMax >> 20) +
                                           " MiB; is a quote in it never closed?"};
}

}  // namespace luthier::data::read
