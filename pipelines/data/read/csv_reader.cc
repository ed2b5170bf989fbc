#include <set>

#include "pipelines/data/read/formats.h"
#include "pipelines/data/read/rows.h"
#include "pipelines/data/read/window.h"

namespace luthier::data::read {
namespace {

// One row from the start of a text (RFC 4180).
class RowParser {
 public:
  enum class Outcome { kRow, kNeedsMore, kOpenQuote, kAfterQuote, kTooManyFields };

  RowParser(std::string_view text, bool at_end, char separator) : text_(text), at_end_(at_end), separator_(separator) {}

  Outcome parse() {
    while (true) {
      if (cells.size() == kColumnsMax) {
        return Outcome::kTooManyFields;
      }
      cells.emplace_back();
      const Outcome outcome = at_ < text_.size() && text_[at_] == '"' ? read_quoted() : read_plain();
      if (outcome != Outcome::kRow) {
        return outcome;
      }
      if (at_ == text_.size() || text_[at_] != separator_) {
        break;
      }
      ++at_;
    }
    at_ += at_ < text_.size() && text_[at_] == '\r' ? 1 : 0;
    at_ += at_ < text_.size() ? 1 : 0;
    length = at_;
    return Outcome::kRow;
  }

  std::vector<std::string> cells;
  std::size_t length = 0;     // of the row and its line end
  std::size_t complaint = 0;  // where a quote is wrong

 private:
  Outcome read_plain() {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n') {
      ++end;
    }
    if (end == text_.size() && !at_end_) {
      return Outcome::kNeedsMore;
    }
    const bool line_end = end == text_.size() || text_[end] == '\n';
    const bool carriage_return = line_end && end > at_ && text_[end - 1] == '\r';
    cells.back() = text_.substr(at_, end - at_ - (carriage_return ? 1 : 0));
    at_ = end;
    return Outcome::kRow;
  }

  Outcome read_quoted() {
    const std::size_t opening = at_++;
    while (true) {
      const std::size_t quote = text_.find('"', at_);
      if (quote == std::string_view::npos) {
        complaint = opening;
        return at_end_ ? Outcome::kOpenQuote : Outcome::kNeedsMore;
      }
      cells.back() += text_.substr(at_, quote - at_);
      at_ = quote + 1;
      if (at_ == text_.size() && !at_end_) {
        return Outcome::kNeedsMore;  // the quote may be the first of two
      }
      if (at_ == text_.size() || text_[at_] != '"') {
        break;
      }
      cells.back() += '"';
      ++at_;
    }
    if (text_.substr(at_) == "\r" && !at_end_) {
      return Outcome::kNeedsMore;
    }
    const bool ends =
        at_ == text_.size() || text_[at_] == separator_ || text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n";
    complaint = at_;
    return ends ? Outcome::kRow : Outcome::kAfterQuote;
  }

  std::string_view text_;
  bool at_end_;
  char separator_;
  std::size_t at_ = 0;
};

class CsvReader final : public Reader {
 public:
  CsvReader(std::unique_ptr<ByteSource> bytes, std::string name, char separator, RowOptions rows)
      : window_(std::move(bytes)), name_(name), rows_(std::move(name), rows), separator_(separator) {}

  Result<bool> next(Batch& batch) override {
    rows_.begin(batch);
    bool more = !stopped_;
    while (more && !is_full(batch)) {
      LUTHIER_TRY(more, read_row(batch));
    }
    return rows_.end(batch);
  }

  [[nodiscard]] FileFormat format() const override { return separator_ == ',' ? FileFormat::kCsv : FileFormat::kTsv; }
  [[nodiscard]] std::vector<std::string> columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return window_.bytes_read(); }

 private:
  // False at the end.
  Result<bool> read_row(Batch& batch) {
    while (true) {
      if (window_.at_end() && window_.text().empty()) {
        return header_missing(batch);
      }
      RowParser parser(window_.text(), window_.at_end(), separator_);
      const RowParser::Outcome outcome = window_.text().empty() ? RowParser::Outcome::kNeedsMore : parser.parse();
      if (outcome == RowParser::Outcome::kNeedsMore) {
        if (window_.text().size() > kRecordBytesMax) {
          return rows_.too_long(window_.line());
        }
        LUTHIER_TRY_VOID(window_.grow());
        continue;
      }
      if (outcome == RowParser::Outcome::kRow) {
        take(batch, parser.cells);
        window_.consume(parser.length);
        return true;
      }
      return recover(batch, outcome, parser.complaint);
    }
  }

  void take(Batch& batch, const std::vector<std::string>& cells) {
    if (columns_.empty()) {
      take_header(batch, cells);
    } else {
      rows_.add(batch, cells, window_.line());
    }
  }

  void take_header(Batch& batch, const std::vector<std::string>& cells) {
    columns_ = cells;
    rows_.set_columns(cells);
    std::set<std::string> seen;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string number = std::to_string(i + 1);
      if (cells[i].find_first_not_of(" \t") == std::string::npos) {
        rows_.complain(batch, "header", Severity::kWarning, window_.line(), 0,
                       "column " + number + " has no name; the first line must name the columns");
      } else if (!seen.insert(cells[i]).second) {
        rows_.complain(batch, "header", Severity::kWarning, window_.line(), 0,
                       "column " + number + " is named \"" + cells[i] + "\" like one before it; the last one counts");
      }
    }
    const char other = separator_ == ',' ? '\t' : ',';
    for (const char mark : {';', other}) {
      if (cells.size() == 1 && cells[0].find(mark) != std::string::npos) {
        rows_.complain(batch, "header", Severity::kWarning, window_.line(), 0,
                       std::string("there is one column; are they separated by ") +
                           (mark == '\t'  ? "tabs? Then name the file .tsv"
                            : mark == ',' ? "commas? Then name the file .csv"
                                          : "semicolons? Save the file with commas"));
      }
    }
  }

  Result<bool> header_missing(Batch& batch) {
    if (columns_.empty() && !stopped_) {
      rows_.complain(batch, "header", Severity::kError, 1, 0,
                     "the file is empty; its first line must name the columns");
    }
    stopped_ = true;
    return false;
  }

  // Says what is wrong and goes on with the next line; a quote that never closes leaves no line to go on with.
  Result<bool> recover(Batch& batch, RowParser::Outcome outcome, std::size_t complaint) {
    if (outcome == RowParser::Outcome::kTooManyFields) {
      return Error{ErrorCode::kInvalidArgument, name_ + ":" + std::to_string(window_.line()) + ": more than " +
                                                    std::to_string(kColumnsMax) +
                                                    " fields in one row; is the separator right?"};
    }
    window_.consume(complaint);
    if (outcome == RowParser::Outcome::kOpenQuote) {
      rows_.complain(batch, "open_quote", Severity::kError, window_.line(), window_.column(),
                     "this quote is never closed; close it, or double it if it is part of the text. Nothing after it "
                     "was read");
      stopped_ = true;
      return false;
    }
    rows_.complain(batch, "after_quote", Severity::kError, window_.line(), window_.column(),
                   "text after a closing quote; double each quote that is part of the text");
    LUTHIER_TRY_VOID(skip_line());
    return true;
  }

  Result<void> skip_line() {
    while (true) {
      const std::size_t newline = window_.text().find('\n');
      window_.consume(newline == std::string_view::npos ? window_.text().size() : newline + 1);
      if (newline != std::string_view::npos || window_.at_end()) {
        return {};
      }
      LUTHIER_TRY_VOID(window_.grow());
    }
  }

  Window window_;
  std::string name_;
  Rows rows_;
  char separator_;
  std::vector<std::string> columns_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<Reader> make_csv_reader(std::unique_ptr<ByteSource> bytes, std::string name, char separator,
                                        RowOptions rows) {
  return std::make_unique<CsvReader>(std::move(bytes), std::move(name), separator, rows);
}

}  // namespace luthier::data::read
