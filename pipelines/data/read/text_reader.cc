#include "pipelines/data/read/formats.h"
#include "pipelines/data/read/rows.h"
#include "pipelines/data/read/window.h"

namespace luthier::data::read {
namespace {

class TextReader final : public Reader {
 public:
  TextReader(std::unique_ptr<ByteSource> bytes, std::string name, RowOptions rows)
      : window_(std::move(bytes)), rows_(std::move(name), rows), keep_blank_(rows.keep_blank) {
    rows_.set_columns({"text"});
  }

  Result<bool> next(Batch& batch) override {
    rows_.begin(batch);
    while (!is_full(batch)) {
      const std::size_t newline = window_.text().find('\n', searched_);
      if (newline == std::string_view::npos && !window_.at_end()) {
        if (window_.text().size() > kRecordBytesMax) {
          return rows_.too_long(window_.line());
        }
        searched_ = window_.text().size();
        LUTHIER_TRY_VOID(window_.grow());
        continue;
      }
      if (window_.text().empty()) {
        break;
      }
      searched_ = 0;
      const std::size_t end = newline == std::string_view::npos ? window_.text().size() : newline;
      std::string_view line = window_.text().substr(0, end);
      line = line.ends_with('\r') ? line.substr(0, line.size() - 1) : line;
      if (keep_blank_ || line.find_first_not_of(" \t") != std::string_view::npos) {
        rows_.add(batch, {std::string(line)}, window_.line());
      }
      window_.consume(newline == std::string_view::npos ? end : end + 1);
    }
    return rows_.end(batch);
  }

  [[nodiscard]] FileFormat format() const override { return FileFormat::kText; }
  [[nodiscard]] std::uint64_t bytes_read() const override { return window_.bytes_read(); }

 private:
  Window window_;
  Rows rows_;
  bool keep_blank_;
  std::size_t searched_ = 0;  // so far no newline in text()
};

}  // namespace

std::unique_ptr<Reader> make_text_reader(std::unique_ptr<ByteSource> bytes, std::string name, RowOptions rows) {
  return std::make_unique<TextReader>(std::move(bytes), std::move(name), rows);
}

}  // namespace luthier::data::read
