#include <map>

#include "pipelines/data/read/formats.h"
#include "pipelines/data/read/rows.h"
#include "pipelines/data/read/xml_stream.h"
#include "pipelines/data/read/zip_archive.h"

namespace luthier::data::read {
namespace {

constexpr std::size_t kSharedBytesMax = std::size_t{128} << 20;
// Cells hold 32,767 characters at most. Many may name one long text, so what comes out is bounded, too.
constexpr std::size_t kCellBytesMax = std::size_t{256} << 10;
constexpr std::size_t kRowBytesMax = std::size_t{16} << 20;
constexpr std::uint64_t kSheetBytesMax = std::uint64_t{4} << 30;

// Texts that cells name by number, in one piece of memory.
class SharedTexts {
 public:
  [[nodiscard]] Result<void> end_text(const std::string& file) {
    ends_.push_back(texts_.size());
    if (texts_.size() + ends_.size() * sizeof(std::size_t) > kSharedBytesMax) {
      return Error{ErrorCode::kResourceExhausted,
                   file + ": holds more text than is read from a spreadsheet; save it as CSV"};
    }
    return {};
  }
  std::string& open() { return texts_; }
  [[nodiscard]] std::string_view at(std::size_t number) const {
    if (number >= ends_.size()) {
      return {};
    }
    const std::size_t begin = number == 0 ? 0 : ends_[number - 1];
    return std::string_view(texts_).substr(begin, ends_[number] - begin);
  }

 private:
  std::string texts_;
  std::vector<std::size_t> ends_;
};

// "BC12" → 54 (from 0); nullopt for no column.
std::optional<std::size_t> column_of(std::string_view reference) {
  std::size_t column = 0;
  for (const char c : reference) {
    if (c < 'A' || c > 'Z') {
      break;
    }
    column = column * 26 + static_cast<std::size_t>(c - 'A') + 1;
    if (column > kColumnsMax) {
      return kColumnsMax;
    }
  }
  return column == 0 ? std::nullopt : std::optional(column - 1);
}

std::uint64_t number_of(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits.substr(0, 15)) {
    if (c < '0' || c > '9') {
      break;
    }
    number = number * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return number;
}

// A spreadsheet writes characters that XML cannot hold as _x000D_.
std::string without_escapes(std::string text) {
  for (std::size_t at = text.find("_x000"); at != std::string::npos; at = text.find("_x000", at + 1)) {
    const std::string_view code = std::string_view(text).substr(at, 7);
    if (code == "_x000D_" || code == "_x000A_" || code == "_x0009_") {
      text.replace(at, 7, code[5] == 'D' ? "\r" : code[5] == 'A' ? "\n" : "\t");
    }
  }
  return text;
}

class XlsxReader final : public Reader {
 public:
  XlsxReader(std::unique_ptr<ZipArchive> archive, std::string name, RowOptions rows)
      : archive_(std::move(archive)),
        name_(name),
        rows_(std::move(name), rows),
        sheet_(
            {[this](std::string_view element, const XmlStream::Attributes& attributes) { start(element, attributes); },
             [this](std::string_view element) { end(element); }, [this](std::string_view text) { add_text(text); }}) {}

  // Reads what the sheet refers to, up to the sheet itself.
  Result<void> open() {
    LUTHIER_TRY(const std::string target, find_sheet());
    LUTHIER_TRY_VOID(read_shared_texts());
    return archive_->begin(target);
  }

  Result<bool> next(Batch& batch) override {
    rows_.begin(batch);
    batch_ = &batch;
    while (!at_end_ && !is_full(batch)) {
      std::string piece(kSheetPieceBytes, '\0');
      LUTHIER_TRY(const std::size_t got, archive_->read(piece.data(), piece.size()));
      piece.resize(got);
      bytes_read_ += got;
      at_end_ = got == 0;
      auto fed = sheet_.feed(piece, at_end_);
      if (!fed) {
        return std::move(fed).error().with(name_ + ": the first sheet");
      }
      LUTHIER_TRY_VOID(failure_);
    }
    if (at_end_) {
      finish(batch);
    }
    return rows_.end(batch);
  }

  [[nodiscard]] FileFormat format() const override { return FileFormat::kXlsx; }
  [[nodiscard]] std::vector<std::string> columns() const override { return columns_; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return bytes_read_; }

 private:
  static constexpr std::size_t kPieceBytes = std::size_t{64} << 10;
  static constexpr std::size_t kSheetPieceBytes = std::size_t{4} << 10;  // bounds what one piece adds to a batch

  void finish(Batch& batch) {
    if (columns_.empty() && !finished_) {
      rows_.complain(batch, "header", Severity::kError, 1, 0,
                     "the sheet is empty; its first row must name the columns");
    }
    if (sheets_.size() > 1 && !finished_) {
      std::string others;
      for (std::size_t i = 1; i < sheets_.size() && others.size() < 200; ++i) {
        others += (i == 1 ? "" : ", ") + sheets_[i].first;
      }
      rows_.complain(batch, "other_sheets", Severity::kWarning, 0, 0,
                     "only the first sheet, " + sheets_[0].first + ", was read; not read: " + others);
    }
    finished_ = true;
  }

  // All of a small entry through `calls`.
  Result<void> parse(const std::string& entry, XmlStream::Calls calls) {
    LUTHIER_TRY_VOID(archive_->begin(entry));
    XmlStream stream(std::move(calls));
    std::string piece(kPieceBytes, '\0');
    while (true) {
      LUTHIER_TRY(const std::size_t got, archive_->read(piece.data(), piece.size()));
      auto fed = stream.feed(std::string_view(piece).substr(0, got), got == 0);
      if (!fed) {
        return std::move(fed).error().with(name_ + ": " + entry);
      }
      LUTHIER_TRY_VOID(failure_);
      if (got == 0) {
        return {};
      }
    }
  }

  Result<std::string> find_sheet() {
    constexpr std::size_t kSheetsMax = 10'000;
    LUTHIER_TRY_VOID(parse("xl/workbook.xml", {[&](std::string_view element, const XmlStream::Attributes& attributes) {
                                                 if (element == "sheet" && sheets_.size() < kSheetsMax &&
                                                     attributes.contains("id")) {
                                                   const auto title = attributes.find("name");
                                                   sheets_.emplace_back(title == attributes.end() ? "" : title->second,
                                                                        attributes.at("id"));
                                                 }
                                               },
                                               [](std::string_view) {}, [](std::string_view) {}}));
    std::map<std::string, std::string> targets;
    LUTHIER_TRY_VOID(
        parse("xl/_rels/workbook.xml.rels", {[&](std::string_view element, const XmlStream::Attributes& attributes) {
                                               if (element == "Relationship" && attributes.contains("Id") &&
                                                   attributes.contains("Target") && targets.size() < 2 * kSheetsMax) {
                                                 targets.emplace(attributes.at("Id"), attributes.at("Target"));
                                               }
                                             },
                                             [](std::string_view) {}, [](std::string_view) {}}));
    const auto target = sheets_.empty() ? targets.end() : targets.find(sheets_.front().second);
    if (target == targets.end()) {
      return Error{ErrorCode::kInvalidArgument, name_ + ": the workbook names no sheet"};
    }
    return target->second.starts_with('/') ? target->second.substr(1) : "xl/" + target->second;
  }

  Result<void> read_shared_texts() {
    bool in_text = false;
    bool phonetic = false;
    auto read = parse("xl/sharedStrings.xml", {[&](std::string_view element, const XmlStream::Attributes&) {
                                                 in_text = element == "t";
                                                 phonetic = phonetic || element == "rPh";
                                               },
                                               [&](std::string_view element) {
                                                 in_text = false;
                                                 phonetic = phonetic && element != "rPh";
                                                 if (element == "si" && failure_) {
                                                   failure_ = shared_.end_text(name_);
                                                 }
                                               },
                                               [&](std::string_view text) {
                                                 if (in_text && !phonetic) {
                                                   shared_.open() += text;
                                                 }
                                               }});
    // A sheet of numbers only has none.
    return !read && read.error().code == ErrorCode::kNotFound ? Result<void>() : read;
  }

  void start(std::string_view element, const XmlStream::Attributes& attributes) {
    const auto attribute = [&](std::string_view name) {
      const auto found = attributes.find(name);
      return found == attributes.end() ? std::string_view() : found->second;
    };
    if (element == "row") {
      const std::string_view number = attribute("r");
      row_ = std::max(row_ + 1, static_cast<std::int64_t>(number_of(number)));  // none, or a broken one, is the next
      cells_.clear();
      row_bytes_ = 0;
    } else if (element == "c") {
      column_ = column_of(attribute("r")).value_or(cells_.size());
      type_ = attribute("t");
      value_.clear();
    } else if (element == "rPh") {
      phonetic_ = true;
    }
    in_value_ = (element == "v" || element == "t") && !phonetic_;
  }

  void add_text(std::string_view text) {
    if (in_value_ && value_.size() + text.size() <= kCellBytesMax + 1) {  // one more byte is enough to be refused
      value_ += text;
    } else if (in_value_) {
      value_.resize(kCellBytesMax + 1);
    }
  }

  void end(std::string_view element) {
    in_value_ = false;
    if (element == "rPh") {
      phonetic_ = false;
    } else if (element == "c" && failure_) {
      end_cell();
    } else if (element == "row" && failure_) {
      end_row();
    }
  }

  void end_cell() {
    if (column_ >= kColumnsMax) {
      failure_ = Error{ErrorCode::kInvalidArgument,
                       name_ + ":" + std::to_string(row_) + ": more than " + std::to_string(kColumnsMax) + " columns"};
      return;
    }
    if (value_.empty()) {
      return;
    }
    const std::string_view text = type_ == "s"   ? shared_.at(number_of(value_))
                                  : type_ == "b" ? (value_ == "1" ? "TRUE" : "FALSE")
                                                 : std::string_view(value_);
    row_bytes_ += text.size();
    sheet_bytes_ += text.size();
    if (text.size() > kCellBytesMax || row_bytes_ > kRowBytesMax || sheet_bytes_ > kSheetBytesMax) {
      failure_ = Error{ErrorCode::kResourceExhausted,
                       name_ + ":" + std::to_string(row_) + ": more text than a spreadsheet can hold; save it as CSV"};
      return;
    }
    cells_.resize(std::max(cells_.size(), column_ + 1));
    cells_[column_] = without_escapes(std::string(text));
  }

  void end_row() {
    if (columns_.empty()) {
      if (!cells_.empty()) {
        columns_ = cells_;
        rows_.set_columns(columns_);
      }
      return;
    }
    if (cells_.size() < columns_.size()) {  // empty cells at the end are not written
      cells_.resize(columns_.size());
    }
    rows_.add(*batch_, cells_, row_);
  }

  std::unique_ptr<ZipArchive> archive_;
  std::string name_;
  Rows rows_;
  XmlStream sheet_;
  std::vector<std::pair<std::string, std::string>> sheets_;  // name and id, in order
  SharedTexts shared_;
  std::vector<std::string> columns_;
  Batch* batch_ = nullptr;  // while next() runs
  Result<void> failure_;    // of a call from within the parser
  std::vector<std::string> cells_;
  std::size_t row_bytes_ = 0;
  std::uint64_t sheet_bytes_ = 0;
  std::int64_t row_ = 0;
  std::size_t column_ = 0;
  std::string type_;
  std::string value_;
  bool in_value_ = false;
  bool phonetic_ = false;
  bool at_end_ = false;
  bool finished_ = false;
  std::uint64_t bytes_read_ = 0;
};

}  // namespace

Result<std::unique_ptr<Reader>> make_xlsx_reader(std::unique_ptr<ZipArchive> archive, std::string name,
                                                 RowOptions rows) {
  auto reader = std::make_unique<XlsxReader>(std::move(archive), std::move(name), rows);
  LUTHIER_TRY_VOID(reader->open());
  return std::unique_ptr<Reader>(std::move(reader));
}

}  // namespace luthier::data::read
